using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>A masqueraded connection, as sent or as received.</summary>
/// <param name="Source">Source address.</param>
/// <param name="Destination">Destination address.</param>
/// <param name="SourcePort">Source port, or ICMP id.</param>
/// <param name="DestinationPort">Destination port.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Direction">Direction.</param>
/// <param name="Pad">Zero.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("snat_key")]
public readonly record struct SnatKey(
    Addr128 Source,
    Addr128 Destination,
    NetPort SourcePort,
    NetPort DestinationPort,
    byte Protocol,
    SnatDirection Direction,
    ushort Pad);
