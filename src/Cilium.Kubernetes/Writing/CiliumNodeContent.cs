using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.Kubernetes;

/// <summary>What an agent tells about its own node.</summary>
public sealed record CiliumNodeContent
{
    /// <summary>The name of the node.</summary>
    public required string Name { get; init; }

    /// <summary>The uid of the Kubernetes node, which becomes the owner; empty for no owner.</summary>
    public string NodeUid { get; init; } = "";

    /// <summary>The addresses, the router addresses as <see cref="NodeAddress.CiliumInternalIP"/> included.</summary>
    public EquatableArray<NodeAddress> Addresses { get; init; }

    /// <summary>The pod CIDRs, if the agent is who decides them (IPAM mode <c>kubernetes</c>); null leaves what is there.</summary>
    public EquatableArray<Prefix>? PodCidrs { get; init; }

    /// <summary>The pod CIDRs that pods of the node use, whoever decides them; written only with a CiliumNode made anew, null for none.</summary>
    public EquatableArray<Prefix>? HeldPodCidrs { get; init; }

    /// <summary>The addresses of the health endpoint; null leaves what is there.</summary>
    public HealthAddresses? Health { get; init; }

    /// <summary>The boot id of the node; empty leaves what is there.</summary>
    public string BootId { get; init; } = "";

    /// <summary>What the node is in AWS (IPAM mode <c>eni</c>); null leaves what is there.</summary>
    public NodeInstance? Instance { get; init; }

    /// <summary>How many addresses the node keeps ready (IPAM mode <c>eni</c>); null leaves what is there.</summary>
    public AddressWatermarks? Watermarks { get; init; }

    /// <summary>The labels of the node.</summary>
    public StringMap Labels { get; init; } = StringMap.Empty;
}

/// <summary>The addresses of a node's health endpoint.</summary>
/// <param name="IPv4">The IPv4 address, or <see cref="IpAddr.None"/>.</param>
/// <param name="IPv6">The IPv6 address, or <see cref="IpAddr.None"/>.</param>
public readonly record struct HealthAddresses(IpAddr IPv4, IpAddr IPv6);
