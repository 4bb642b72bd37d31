using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.Kubernetes;

/// <summary>A CiliumPodIPPool: from where nodes' CIDRs of a pool are cut, and which pods it is for.</summary>
public sealed record PodIPPoolRow
{
    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>The CIDRs and mask sizes.</summary>
    public required PoolDefinition Definition { get; init; }

    /// <summary>True when pods reach the world with their own addresses (annotation <c>ipam.cilium.io/skip-masquerade</c>).</summary>
    public bool SkipsMasquerade { get; init; }

    /// <summary>What cannot be read of the spec; empty when all can.</summary>
    public string Problem { get; init; } = "";

    /// <summary>The pods that get addresses of it unless annotations say otherwise; null for none.</summary>
    public ObjectSelector? PodSelector { get; init; }

    /// <summary>The namespaces whose pods do; null for none, or for all when pods are selected.</summary>
    public ObjectSelector? NamespaceSelector { get; init; }
}
