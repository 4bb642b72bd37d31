using Cilium.ControlPlane.Agent;
using Cilium.Core.Tables;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;

namespace Cilium.Simulation.Clusters;

/// <summary>
/// What the agents of a simulated cluster have in common, each of which has it for itself in a real one: the objects of the API server, and rows
/// that follow from one object alone.
/// </summary>
internal sealed class ClusterShare
{
    /// <summary>What the API server holds, as every agent sees it.</summary>
    internal KubernetesTables Kubernetes { get; } = new(new StateStore());

    /// <summary>What objects say of addresses.</summary>
    internal SharedRows<IpCacheRow[]> Addresses { get; } = new();

    /// <summary>Nodes as the datapath must know them.</summary>
    internal SharedRows<NodeRow?> Nodes { get; } = new();
}
