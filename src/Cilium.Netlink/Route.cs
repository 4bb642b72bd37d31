using System.Net;

namespace Cilium.Netlink;

/// <summary>A route.</summary>
public sealed record Route
{
    /// <summary>The main routing table.</summary>
    public const int MainTable = 254;

    /// <summary>The table of local addresses.</summary>
    public const int LocalTable = 255;

    /// <summary>Where it leads to; 0.0.0.0/0 or ::/0 is the default route.</summary>
    public required IPNetwork Destination { get; init; }

    /// <summary>The next hop, or null when it is on the link.</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>The device, or zero.</summary>
    public int LinkIndex { get; init; }

    /// <summary>The others of a route with several next hops, or null.</summary>
    public NextHop? OtherHops { get; init; }

    /// <summary>The source address to prefer, or null.</summary>
    public IPAddress? Source { get; init; }

    /// <summary>The MTU in bytes for this route, or null for the device's.</summary>
    public int? Mtu { get; init; }

    /// <summary>The table.</summary>
    public int Table { get; init; } = MainTable;

    /// <summary>The metric: lower is preferred. Null is the family's default.</summary>
    public int? Priority { get; init; }

    /// <summary>Who made it, by the kernel's numbers.</summary>
    public byte Protocol { get; init; } = RouteProtocol.Boot;

    /// <summary>The distance to the destination; null derives it from type and gateway, as iproute2 does.</summary>
    public RouteScope? Scope { get; init; }

    /// <summary>What it does.</summary>
    public RouteType Type { get; init; } = RouteType.Unicast;

    /// <summary>Whether the gateway counts as on the link although no route leads to it.</summary>
    public bool IsOnLink { get; init; }

    /// <summary>The devices of all its next hops, as often as they occur.</summary>
    public IEnumerable<int> AllLinks()
    {
        if (LinkIndex != 0)
            yield return LinkIndex;
        for (var hop = OtherHops; hop is not null; hop = hop.Others)
            yield return hop.LinkIndex;
    }
}

/// <summary>One of several next hops of a route.</summary>
/// <param name="LinkIndex">The device.</param>
/// <param name="Gateway">The next hop, or null when it is on the link.</param>
/// <param name="Others">Those after it, or null; a list of this kind is equal by content.</param>
public sealed record NextHop(int LinkIndex, IPAddress? Gateway, NextHop? Others);

/// <summary>Well-known makers of routes.</summary>
public static class RouteProtocol
{
    /// <summary>The kernel.</summary>
    public const byte Kernel = 2;

    /// <summary>Set at boot or by hand.</summary>
    public const byte Boot = 3;

    /// <summary>An administrator.</summary>
    public const byte Static = 4;
}

/// <summary>The distance to a destination, by the kernel's numbers.</summary>
public enum RouteScope : byte
{
    /// <summary>Everywhere.</summary>
    Universe = 0,
    /// <summary>Inside the site.</summary>
    Site = 200,
    /// <summary>On the link.</summary>
    Link = 253,
    /// <summary>On this machine.</summary>
    Host = 254,
    /// <summary>Nowhere.</summary>
    Nowhere = 255,
}

/// <summary>What a route does, by the kernel's numbers.</summary>
public enum RouteType : byte
{
    /// <summary>Unknown.</summary>
    Unspecified = 0,
    /// <summary>Forwards.</summary>
    Unicast = 1,
    /// <summary>Delivers to this machine.</summary>
    Local = 2,
    /// <summary>Delivers here and sends as broadcast.</summary>
    Broadcast = 3,
    /// <summary>Anycast.</summary>
    Anycast = 4,
    /// <summary>Multicast.</summary>
    Multicast = 5,
    /// <summary>Drops silently.</summary>
    Blackhole = 6,
    /// <summary>Drops with an ICMP error.</summary>
    Unreachable = 7,
    /// <summary>Drops as prohibited.</summary>
    Prohibit = 8,
}
