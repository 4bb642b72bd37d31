using Cilium.Core;

namespace Cilium.VirtualNetwork;

/// <summary>A route.</summary>
public sealed record VirtualRoute
{
    /// <summary>Where it leads.</summary>
    public required Prefix Destination { get; init; }

    /// <summary>By which device.</summary>
    public required VirtualInterface Interface { get; init; }

    /// <summary>The next hop, or <see cref="IpAddr.None"/> when the destination is on the link.</summary>
    public IpAddr Gateway { get; init; }

    /// <summary>The source address of what is sent from here, or <see cref="IpAddr.None"/> for the device's.</summary>
    public IpAddr Source { get; init; }

    /// <summary>What fits, in bytes; 0 for the device's MTU.</summary>
    public int Mtu { get; init; }

    internal int FittingBytes => Mtu == 0 ? Interface.Mtu : Math.Min(Mtu, Interface.Mtu);
}
