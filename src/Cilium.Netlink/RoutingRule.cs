using System.Net;
using System.Net.Sockets;

namespace Cilium.Netlink;

/// <summary>A rule that chooses a routing table.</summary>
/// <param name="Family">IPv4 or IPv6.</param>
/// <param name="Priority">Rules are tried from the lowest number.</param>
/// <param name="Table">The table to use.</param>
public sealed record RoutingRule(AddressFamily Family, int Priority, int Table)
{
    /// <summary>The packet mark to match, or null for any.</summary>
    public uint? Mark { get; init; }

    /// <summary>Bits of the mark that are compared.</summary>
    public uint? Mask { get; init; }

    /// <summary>The sources to match, or null for any.</summary>
    public IPNetwork? Source { get; init; }

    /// <summary>The destinations to match, or null for any.</summary>
    public IPNetwork? Destination { get; init; }

    /// <summary>Who made it, by the kernel's numbers.</summary>
    public byte Protocol { get; init; }
}
