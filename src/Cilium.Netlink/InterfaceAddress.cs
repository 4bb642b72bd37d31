using System.Net;

namespace Cilium.Netlink;

/// <summary>An address on a device.</summary>
/// <param name="LinkIndex">The device.</param>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">Bits of the network on the link.</param>
public sealed record InterfaceAddress(int LinkIndex, IPAddress Address, int PrefixLength)
{
    /// <summary>How far it is valid.</summary>
    public RouteScope Scope { get; init; } = RouteScope.Universe;

    /// <summary>Whether IPv6 duplicate detection is skipped, so that the address works at once.</summary>
    public bool SkipsDuplicateDetection { get; init; } = true;

    /// <summary>Whether no route to the network is added.</summary>
    public bool AddsNoRoute { get; init; }

    /// <summary>Whether duplicate detection is still going on.</summary>
    public bool IsTentative { get; init; }

    /// <summary>Whether it is a further address of the same IPv4 network.</summary>
    public bool IsSecondary { get; init; }
}
