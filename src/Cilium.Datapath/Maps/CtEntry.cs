using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>The state of a connection.</summary>
/// <param name="Lifetime">Second of CLOCK_MONOTONIC at which it expires.</param>
/// <param name="Flags">Flags.</param>
/// <param name="ForwardTcpFlags">TCP flags seen from the opener.</param>
/// <param name="ReverseTcpFlags">TCP flags seen from the other end.</param>
/// <param name="LastForwardReport">Second of the last trace event of the opener.</param>
/// <param name="LastReverseReport">Second of the last trace event of the other end.</param>
/// <param name="SourceIdentity">Identity of the opener.</param>
/// <param name="DestinationIdentity">Identity of the other end.</param>
/// <param name="Egress">Verdict of the opener's egress policy.</param>
/// <param name="Ingress">Verdict of the other end's ingress policy.</param>
/// <param name="ServiceId">Service id, which is also the reverse translation id; zero: none.</param>
/// <param name="BackendId">Backend id.</param>
/// <param name="SourceEndpoint">Endpoint id of the opener, or zero.</param>
/// <param name="DestinationEndpoint">Endpoint id of the other end, or zero.</param>
/// <param name="Created">Second of CLOCK_MONOTONIC at which it was made.</param>
/// <param name="ForwardPackets">Packets from the opener that arrived here, let through or not.</param>
/// <param name="ForwardBytes">Their bytes with Ethernet headers.</param>
/// <param name="ReversePackets">Packets from the other end.</param>
/// <param name="ReverseBytes">Their bytes with Ethernet headers.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("ct_entry")]
public readonly record struct CtEntry(
    uint Lifetime,
    CtFlags Flags,
    byte ForwardTcpFlags,
    byte ReverseTcpFlags,
    uint LastForwardReport,
    uint LastReverseReport,
    uint SourceIdentity,
    uint DestinationIdentity,
    CachedVerdict Egress,
    CachedVerdict Ingress,
    uint ServiceId,
    uint BackendId,
    ushort SourceEndpoint,
    ushort DestinationEndpoint,
    uint Created,
    ulong ForwardPackets,
    ulong ForwardBytes,
    ulong ReversePackets,
    ulong ReverseBytes);
