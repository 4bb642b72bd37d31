using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>The head of a drop, trace or policy-verdict event of cilium_events; the captured bytes follow it.</summary>
/// <param name="Type">Drop, trace or policy verdict.</param>
/// <param name="Subtype">Drop: a DropReason; trace: a TracePoint; verdict: zero.</param>
/// <param name="SourceEndpoint">Endpoint at which the event was made, or zero.</param>
/// <param name="Hash">The packet's hash.</param>
/// <param name="TimestampNs">CLOCK_MONOTONIC, nanoseconds.</param>
/// <param name="PacketLength">Length of the packet from its Ethernet header on, in bytes.</param>
/// <param name="CapturedLength">How many bytes follow.</param>
/// <param name="Version">Of the layout: 1.</param>
/// <param name="Flags">Flags.</param>
/// <param name="SourceIdentity">Identity of the sender.</param>
/// <param name="DestinationIdentity">Identity of the receiver, or zero when unknown.</param>
/// <param name="DestinationEndpoint">Endpoint id of a local receiver, or zero.</param>
/// <param name="Ifindex">Device the packet is sent to, or zero.</param>
/// <param name="Verdict">Policy verdict: 0 allow, above a proxy port, below minus a drop reason.</param>
/// <param name="DestinationPort">Policy verdict: port in host order, or ICMP type.</param>
/// <param name="Protocol">Policy verdict: IP protocol.</param>
/// <param name="PolicyFlags">Bits 0-1 direction (1 ingress, 2 egress), 2 IPv6, 3-5 a MatchType, 6 audited.</param>
/// <param name="AuthType">Authentication asked for, or zero.</param>
/// <param name="TraceReason">What connection tracking knew.</param>
/// <param name="Direction">Way of the packet.</param>
/// <param name="File">Drop: source file.</param>
/// <param name="Line">Drop: line.</param>
/// <param name="ExtError">Drop: extended error, or zero.</param>
/// <param name="Pad">Zero.</param>
/// <param name="OriginalAddress">Source before translation, or none.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("packet_event_header")]
public readonly record struct PacketEventHeader(
    EventType Type,
    byte Subtype,
    ushort SourceEndpoint,
    uint Hash,
    ulong TimestampNs,
    uint PacketLength,
    ushort CapturedLength,
    byte Version,
    PacketEventFlags Flags,
    uint SourceIdentity,
    uint DestinationIdentity,
    uint DestinationEndpoint,
    uint Ifindex,
    int Verdict,
    ushort DestinationPort,
    byte Protocol,
    byte PolicyFlags,
    byte AuthType,
    TraceReason TraceReason,
    MetricDirection Direction,
    SourceFile File,
    ushort Line,
    sbyte ExtError,
    byte Pad,
    Addr128 OriginalAddress);
