using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>A fragmented datagram.</summary>
/// <param name="Source">Source address.</param>
/// <param name="Destination">Destination address.</param>
/// <param name="Id">Datagram id as on the wire.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Pad0">Zero.</param>
/// <param name="Pad1">Zero.</param>
/// <param name="Pad2">Zero.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("fragment_key")]
public readonly record struct FragmentKey(
    Addr128 Source,
    Addr128 Destination,
    uint Id,
    byte Protocol,
    byte Pad0,
    byte Pad1,
    byte Pad2);
