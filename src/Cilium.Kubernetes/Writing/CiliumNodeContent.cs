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

    /// <summary>The IPv4 address of the health endpoint, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr HealthIPv4 { get; init; }

    /// <summary>The IPv6 address of the health endpoint, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr HealthIPv6 { get; init; }

    /// <summary>The boot id of the node; empty leaves what is there.</summary>
    public string BootId { get; init; } = "";

    /// <summary>What the node is in AWS (IPAM mode <c>eni</c>); null leaves what is there.</summary>
    public NodeInstance? Instance { get; init; }

    /// <summary>How many addresses the node keeps ready (IPAM mode <c>eni</c>); null leaves what is there.</summary>
    public AddressWatermarks? Watermarks { get; init; }

    /// <summary>The labels of the node.</summary>
    public StringMap Labels { get; init; } = StringMap.Empty;
}
