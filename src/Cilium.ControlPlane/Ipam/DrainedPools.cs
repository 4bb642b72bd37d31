using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Ipam;

/// <summary>Which CIDRs of a node are drained in mode multi-pool: those that their pool no longer has.</summary>
internal static class DrainedPools
{
    /// <summary>Finds them. A pool that is not there, or not known yet, drains nothing: its CIDRs serve on.</summary>
    public static HashSet<Prefix> Of(CiliumNodeRow node, AgentTables tables) => !tables.Kubernetes.PodIPPools.IsInitialized
        ? []
        : [.. node.AllocatedPools.SelectMany(held => tables.Kubernetes.PodIPPools.TryGet(held.Pool, out var pool) && pool.Problem.Length == 0
            ? held.Cidrs.Where(pool.Definition.IsDrained)
            : [])];
}
