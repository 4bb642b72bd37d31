using System.Text.Json.Serialization;
using Cilium.Simulation.Clusters;
using Cilium.Simulation.Serving;

namespace Cilium.Simulation.Scale;

/// <summary>How large a simulated cluster is, and what is asked of it.</summary>
public sealed record ScaleOptions
{
    /// <summary>Nodes, at least 1.</summary>
    public int Nodes { get; init; } = 20;

    /// <summary>Pods, at least 2; they are spread over the nodes in turn.</summary>
    public int Pods { get; init; } = 200;

    /// <summary>Services in front of the pods.</summary>
    public int Services { get; init; } = 20;

    /// <summary>Policies about the pods.</summary>
    public int Policies { get; init; } = 20;

    /// <summary>Connections that are tried and compared with the reference.</summary>
    public int Flows { get; init; } = 400;

    /// <summary>The seed of everything that is by chance: the same seed makes the same cluster and tries the same connections.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>IPv6 beside IPv4.</summary>
    public bool HasIPv6 { get; init; }

    /// <summary>Makes the API server that operators and agents write to and watch; null for none, when all agents read the same tables.</summary>
    [JsonIgnore]
    public ClusterApiServerFactory? ApiServer { get; init; }

    /// <summary>Whether there is an API server.</summary>
    public bool HasApiServer => ApiServer is not null;

    /// <summary>The API server fails by the seed, and the leading operator dies while nodes join.</summary>
    public bool HasFaults { get; init; }

    /// <summary>What the cluster is simulated with.</summary>
    internal SimulationOptions ToSimulation()
    {
        var datapath = SimulationOptions.Small();
        datapath.EnableIPv6 = HasIPv6;
        // Nobody listens: an event for each packet would only fill the nodes' ring buffers.
        (datapath.EnableTraceEvents, datapath.EnablePolicyVerdictEvents, datapath.EnableSocketEvents) = (false, false, false);
        datapath.ConntrackEntries = 65536;
        datapath.LoadBalancingEntries = 65536;
        return new SimulationOptions { Nodes = Nodes, Seed = Seed, Datapath = datapath, ApiServer = ApiServer, HasFaults = HasFaults };
    }
}
