using Cilium.Netlink;

namespace Cilium.Datapath.Devices;

/// <summary>The node's devices as they were set up.</summary>
internal sealed record NodeNetwork
{
    internal required Link Host { get; init; }

    internal required Link Net { get; init; }

    internal required Link? Tunnel { get; init; }

    internal required IReadOnlyList<Link> Underlay { get; init; }

    internal required int DeviceMtu { get; init; }

    internal required int RouteMtu { get; init; }
}
