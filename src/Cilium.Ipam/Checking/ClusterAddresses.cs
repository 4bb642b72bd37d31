using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>All that is written down about the addresses of a cluster at one moment: what a check and a plan read.</summary>
public sealed record ClusterAddresses
{
    /// <summary>The mode: <c>cluster-pool</c>, <c>kubernetes</c>, <c>multi-pool</c> or <c>crd</c>.</summary>
    public required string Mode { get; init; }

    /// <summary>The nodes' own objects.</summary>
    public IReadOnlyList<NodeAddressing> Nodes { get; init; } = [];

    /// <summary>The pods that do not use their node's network.</summary>
    public IReadOnlyList<PodAddressing> Pods { get; init; } = [];

    /// <summary>The endpoints that agents have told of.</summary>
    public IReadOnlyList<EndpointAddressing> Endpoints { get; init; } = [];

    /// <summary>The pools; in mode <c>cluster-pool</c> the one named <see cref="PoolNames.Default"/>.</summary>
    public IReadOnlyList<PoolDefinition> Pools { get; init; } = [];

    /// <summary>The CIDRs of the pool that give nothing more (mode <c>cluster-pool</c>).</summary>
    public IReadOnlyList<Prefix> DrainedCidrs { get; init; } = [];
}

/// <summary>What a node's object says.</summary>
/// <param name="Name">The name of the node.</param>
public sealed record NodeAddressing(string Name)
{
    /// <summary>False when the object outlived the node.</summary>
    public bool HasNode { get; init; } = true;

    /// <summary>The version of the object, over which a repair is written.</summary>
    public string Version { get; init; } = "";

    /// <summary>The CIDRs that the node holds; those without pools stand under <see cref="PoolNames.Default"/>.</summary>
    public IReadOnlyList<PoolCidrs> Held { get; init; } = [];

    /// <summary>The CIDRs that the node should hold because Kubernetes says so (mode <c>kubernetes</c>).</summary>
    public IReadOnlyList<Prefix> Granted { get; init; } = [];

    /// <summary>The addresses that the node itself uses, with who: <see cref="AddressOwners.Router"/>, ...</summary>
    public IReadOnlyDictionary<IpAddr, string> Own { get; init; } = new Dictionary<IpAddr, string>();

    /// <summary>The single addresses that the node may give (mode <c>crd</c>).</summary>
    public IReadOnlyList<IpAddr> Listed { get; init; } = [];

    /// <summary>The addresses that its agent says are in use, with their owners (mode <c>crd</c>).</summary>
    public IReadOnlyDictionary<IpAddr, string> Used { get; init; } = new Dictionary<IpAddr, string>();
}

/// <summary>What a pod's object says.</summary>
/// <param name="Owner">The pod, as <see cref="AddressOwners.Pod"/> writes it.</param>
/// <param name="Node">The node it is bound to; empty when none.</param>
/// <param name="Addresses">Its addresses.</param>
/// <param name="HoldsAddresses">False when it has ended or is about to: its addresses may be another's already.</param>
public sealed record PodAddressing(string Owner, string Node, IReadOnlyList<IpAddr> Addresses, bool HoldsAddresses = true);

/// <summary>What an endpoint's object says.</summary>
/// <param name="Owner">The pod it belongs to.</param>
/// <param name="Addresses">Its addresses.</param>
public sealed record EndpointAddressing(string Owner, IReadOnlyList<IpAddr> Addresses);
