using Cilium.Core;

namespace Cilium.Datapath.Nodes;

/// <summary>What the datapath must know of its own node before programs can be loaded: written once at start by the control plane.</summary>
public sealed record LocalNodeRow
{
    /// <summary>The Kubernetes node name.</summary>
    public required string Name { get; init; }

    /// <summary>The node's underlay IPv4 address, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr IPv4 { get; init; }

    /// <summary>The node's underlay IPv6 address, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr IPv6 { get; init; }

    /// <summary>The pods' IPv4 gateway on cilium_host, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr RouterIPv4 { get; init; }

    /// <summary>The pods' IPv6 gateway on cilium_host, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr RouterIPv6 { get; init; }

    /// <summary>The pod ranges of this node.</summary>
    public EquatableArray<Prefix> PodPrefixes { get; init; }
}
