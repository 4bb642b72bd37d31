using Cilium.Kubernetes;

namespace Cilium.Simulation.Clusters;

/// <summary>Where the objects of a simulated cluster are kept, and how its agents come to know them: in tables, or by an API server.</summary>
/// <remarks>Methods are called by one at a time; the properties by anybody.</remarks>
internal interface IClusterStore : IAsyncDisposable
{
    /// <summary>Grows with everything that happens here.</summary>
    long Progress { get; }

    /// <summary>Whether nothing is at work here but for what waits for the clock.</summary>
    bool IsQuiet { get; }

    /// <summary>How many looks in a row must show the same before the clock may be moved.</summary>
    int Patience { get; }

    /// <summary>Whether everybody who writes has written all that is to be written, and the agents know of it.</summary>
    bool IsSettled();

    /// <summary>What is not settled, for a message.</summary>
    string Describe();

    /// <summary>Takes in nodes.</summary>
    /// <returns>When each has its pod CIDRs: the nodes as agents see them.</returns>
    Task<IReadOnlyList<KubeNodeRow>> JoinAsync(IReadOnlyList<KubeNodeRow> nodes, CancellationToken cancellationToken);

    /// <summary>Has the agents tell of their nodes; each knows its addresses by now.</summary>
    Task PublishAsync(CancellationToken cancellationToken);

    /// <summary>Takes in namespaces, services and policies.</summary>
    Task WriteAsync(IEnumerable<NamespaceRow> namespaces, IEnumerable<ServiceRow> services, IEnumerable<PolicyObjectRow> policies, CancellationToken cancellationToken);

    /// <summary>Takes in pods that are bound to nodes and have no addresses yet.</summary>
    /// <returns>The pods with their uids, in the same order.</returns>
    Task<IReadOnlyList<PodRow>> BindAsync(IReadOnlyList<PodRow> pods, CancellationToken cancellationToken);

    /// <summary>Pods have their addresses, and their agents their endpoints.</summary>
    Task StartPodsAsync(IReadOnlyCollection<SimulatedPod> pods, CancellationToken cancellationToken);

    /// <summary>A pod is gone.</summary>
    Task DeleteAsync(SimulatedPod pod, CancellationToken cancellationToken);

    /// <summary>Takes in slices, new or changed, and removes some.</summary>
    Task WriteSlicesAsync(IReadOnlyCollection<EndpointSliceRow> slices, IReadOnlyCollection<NamespacedName> gone, CancellationToken cancellationToken);

    /// <summary>Takes in a policy, new or changed.</summary>
    Task ApplyAsync(PolicyObjectRow policy, CancellationToken cancellationToken);

    /// <summary>Deletes a policy; without effect when there is none.</summary>
    Task DeleteAsync(PolicyObjectKey policy, CancellationToken cancellationToken);

    /// <summary>Starts the agents' derivations, when pods have their endpoints.</summary>
    Task StartAgentsAsync(CancellationToken cancellationToken);
}
