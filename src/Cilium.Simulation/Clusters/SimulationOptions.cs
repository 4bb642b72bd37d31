using Cilium.Datapath;
using Cilium.Policy;
using Cilium.Simulation.Serving;

namespace Cilium.Simulation.Clusters;

/// <summary>How a cluster is simulated.</summary>
public sealed class SimulationOptions
{
    /// <summary>Nodes beside those that pods name; pods that name none are spread over all.</summary>
    public int Nodes { get; init; } = 2;

    /// <summary>The seed of everything that is by chance.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>When policy is enforced.</summary>
    public EnforcementMode Enforcement { get; init; } = EnforcementMode.Default;

    /// <summary>The cluster's name, which identities carry.</summary>
    public string ClusterName { get; init; } = "default";

    /// <summary>Which labels make identities.</summary>
    public LabelFilter LabelFilter { get; init; } = LabelFilter.Default;

    /// <summary>What is constant in the programs.</summary>
    public DatapathOptions Datapath { get; init; } = Small();

    /// <summary>
    /// Makes the API server that the operators and all agents write to and watch. Null when objects are rows of tables that all agents read, and nobody
    /// writes anything.
    /// </summary>
    public ClusterApiServerFactory? ApiServer { get; init; }

    /// <summary>The API server fails by the seed, and the leading operator dies. Only with <see cref="ApiServer"/>.</summary>
    public bool HasFaults { get; init; }

    /// <summary>Maps with room for a small cluster, and an event for each thing that happens.</summary>
    public static DatapathOptions Small() => new()
    {
        EnableIPv4 = true,
        EnableIPv6 = true,
        EncapsulateDirectly = false,
        ConntrackEntries = 4096,
        LoadBalancingEntries = 4096,
        MonitorAggregation = MonitorAggregation.None,
    };
}
