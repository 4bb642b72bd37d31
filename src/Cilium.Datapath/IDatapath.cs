using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Nodes;

namespace Cilium.Datapath;

/// <summary>The datapath of one node as its agent sees it. The seam between the control plane and the kernel.</summary>
public interface IDatapath
{
    /// <summary>The MTU of pod devices.</summary>
    int DeviceMtu { get; }

    /// <summary>The MTU of routes to other nodes' pods and of pods' default routes: what fits after encapsulation.</summary>
    int RouteMtu { get; }

    /// <summary>
    /// Makes what <see cref="StartAsync"/> will need and what does not depend on the node; calling it is optional. The caller is the only
    /// one who uses the node's state, and awaits it before <see cref="StartAsync"/>.
    /// </summary>
    Task PrepareAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>
    /// Sets up the node's devices and routes, loads or adopts the programs, and starts the reconcilers of <see cref="DatapathTables"/>.
    /// Established traffic is not interrupted when the programs were already attached. Services that are desired by now come first where
    /// <see cref="PrepareAsync"/> was called, so that programs which see packets for the first time find them.
    /// </summary>
    Task StartAsync(LocalNodeRow node, CancellationToken cancellationToken);

    /// <summary>Waits until an endpoint as written at <paramref name="revision"/> can carry traffic with its policy enforced.</summary>
    Task<ReconcileStatus> WaitForEndpointAsync(EndpointId endpoint, long revision, CancellationToken cancellationToken);

    /// <summary>What became of the last attempt at an endpoint; null when there was none, or nobody knows. An error is retried.</summary>
    ReconcileStatus? FindEndpointStatus(EndpointId endpoint) => null;

    /// <summary>What became of the last attempt at a policy; null when there was none, or it was carried out and that is not kept.</summary>
    ReconcileStatus? FindPolicyStatus(PolicyContentKey policy) => null;

    /// <summary>
    /// Waits until what was written to a table of <see cref="DatapathTables"/> by a revision was tried, once the datapath has started. Rows that
    /// could not be carried out do not hold it up: they are retried.
    /// </summary>
    Task WaitUntilAttemptedAsync<TKey, TRow>(Table<TKey, TRow> table, long revision, CancellationToken cancellationToken)
        where TKey : notnull
        where TRow : class;

    /// <summary>
    /// What an earlier agent left in the address table, with local identities whose numbers the policies it left name too; to be read before
    /// <see cref="StartAsync"/>. Empty when there was none, or its table has another layout.
    /// </summary>
    IReadOnlyList<IpCacheRow> ReadInheritedAddresses() => [];

    /// <summary>The number by which packets, connections and tools know a service frontend; null when it is not in the maps (yet).</summary>
    /// <remarks>It survives restarts of the agent.</remarks>
    uint? FindServiceId(L4Address frontend);

    /// <summary>Stops reconcilers and readers; programs, maps and links stay.</summary>
    Task StopAsync(CancellationToken cancellationToken);
}
