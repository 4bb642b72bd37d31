using System.Net;
using System.Net.NetworkInformation;

namespace Cilium.Netlink;

/// <summary>An entry of the neighbour table (ARP, neighbour discovery).</summary>
/// <param name="LinkIndex">The device.</param>
/// <param name="Address">The address.</param>
/// <param name="Mac">The link-layer address, null while unknown.</param>
/// <param name="State">How well it is known.</param>
public sealed record Neighbour(int LinkIndex, IPAddress Address, PhysicalAddress? Mac, NeighbourState State = NeighbourState.Permanent);

/// <summary>How well a neighbour is known, by the kernel's numbers.</summary>
[Flags]
public enum NeighbourState : ushort
{
    /// <summary>Nothing known.</summary>
    None = 0,
    /// <summary>Being asked for.</summary>
    Incomplete = 0x01,
    /// <summary>Confirmed.</summary>
    Reachable = 0x02,
    /// <summary>Known some time ago.</summary>
    Stale = 0x04,
    /// <summary>To be asked for soon.</summary>
    Delay = 0x08,
    /// <summary>Being confirmed.</summary>
    Probe = 0x10,
    /// <summary>Does not answer.</summary>
    Failed = 0x20,
    /// <summary>Needs no resolution.</summary>
    NoArp = 0x40,
    /// <summary>Set by hand, for ever.</summary>
    Permanent = 0x80,
}
