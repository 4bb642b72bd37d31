using Cilium.Core;

namespace Cilium.Datapath.IpCache;

/// <summary>What is known of the addresses of a prefix: who they are, and behind which node.</summary>
public sealed record IpCacheRow
{
    /// <summary>The prefix; the longest that matches an address decides.</summary>
    public required Prefix Prefix { get; init; }

    /// <summary>The identity; <see cref="Identity.Unknown"/> for a pod range of which only the node is known.</summary>
    public required Identity Identity { get; init; }

    /// <summary>The node to tunnel to, or <see cref="IpAddr.None"/> for local, native or outside addresses.</summary>
    public IpAddr TunnelEndpoint { get; init; }
}
