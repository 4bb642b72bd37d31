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
/// <param name="EgressStamp">Policy stamp under which the opener's egress policy allowed.</param>
/// <param name="IngressStamp">Policy stamp under which the other end's ingress policy allowed.</param>
/// <param name="ServiceId">Service id, which is also the reverse translation id; zero: none.</param>
/// <param name="BackendId">Backend id.</param>
/// <param name="SourceEndpoint">Endpoint id of the opener, or zero.</param>
/// <param name="DestinationEndpoint">Endpoint id of the other end, or zero.</param>
/// <param name="Created">Second of CLOCK_MONOTONIC at which it was made.</param>
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
    uint EgressStamp,
    uint IngressStamp,
    uint ServiceId,
    uint BackendId,
    ushort SourceEndpoint,
    ushort DestinationEndpoint,
    uint Created);
