using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>A service translation at a socket.</summary>
/// <param name="Type">Event type.</param>
/// <param name="Point">Where the translation stands.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Flags">Flags.</param>
/// <param name="DestinationPort">Destination port.</param>
/// <param name="Pad">Zero.</param>
/// <param name="TimestampNs">CLOCK_MONOTONIC, nanoseconds.</param>
/// <param name="SocketCookie">Socket cookie.</param>
/// <param name="CgroupId">Id of the control group.</param>
/// <param name="NetnsCookie">Cookie of the socket's network namespace.</param>
/// <param name="Destination">Destination address.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("socket_event")]
public readonly record struct SocketEvent(
    EventType Type,
    SocketTracePoint Point,
    byte Protocol,
    PacketEventFlags Flags,
    ushort DestinationPort,
    ushort Pad,
    ulong TimestampNs,
    ulong SocketCookie,
    ulong CgroupId,
    ulong NetnsCookie,
    Addr128 Destination);
