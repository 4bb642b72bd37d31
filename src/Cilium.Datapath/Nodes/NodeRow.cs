using Cilium.Core;

namespace Cilium.Datapath.Nodes;

/// <summary>Another node of the cluster, as the datapath must know it: where to tunnel to and which pod ranges are behind it.</summary>
public sealed record NodeRow
{
    /// <summary>The Kubernetes node name.</summary>
    public required string Name { get; init; }

    /// <summary>Its underlay IPv4 address, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr IPv4 { get; init; }

    /// <summary>Its underlay IPv6 address, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr IPv6 { get; init; }

    /// <summary>Its router (cilium_host) addresses.</summary>
    public EquatableArray<IpAddr> RouterAddresses { get; init; }

    /// <summary>The pod ranges behind it.</summary>
    public EquatableArray<Prefix> PodPrefixes { get; init; }
}
