using Cilium.Core;

namespace Cilium.Datapath.Endpoints;

/// <summary>The device by which packets of a pod leave the node, where a cloud takes an address only from the interface that has it.</summary>
/// <param name="Device">The link-layer address of the device.</param>
/// <param name="Gateway">The next hop, an IPv4 address on the device's link.</param>
/// <param name="Table">The routing table of the device.</param>
/// <param name="Destinations">What is reached that way; everything when empty.</param>
/// <remarks>Source: upstream's <c>pkg/datapath/linux/routing</c> (v1.17).</remarks>
public sealed record PodUplink(MacAddress Device, IpAddr Gateway, int Table, EquatableArray<Prefix> Destinations)
{
    /// <summary>The table of interface 0; each further one has the next number.</summary>
    public const int FirstTable = 10;
}
