using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;

namespace Cilium.Datapath.Events;

/// <summary>Reads the records of the event ring (bpf/lib/types.h).</summary>
public static class EventDecoder
{
    private const int DirectionMask = 3;
    private const int EgressBits = 2;
    private const int IPv6Bit = 4;
    private const int MatchShift = 3;
    private const int MatchMask = 7;

    /// <summary>Decodes one record; any bytes are safe.</summary>
    /// <param name="record">The record.</param>
    /// <param name="decoded">The event.</param>
    /// <param name="packet">The packet's first bytes, a part of <paramref name="record"/>.</param>
    public static bool TryDecode(ReadOnlySpan<byte> record, out DatapathEvent decoded, out ReadOnlySpan<byte> packet)
    {
        decoded = default;
        packet = default;
        if (record.IsEmpty)
            return false;
        return (EventType)record[0] == EventType.TraceSock
            ? TryDecodeSocket(record, out decoded)
            : TryDecodePacket(record, out decoded, out packet);
    }

    private static bool TryDecodePacket(ReadOnlySpan<byte> record, out DatapathEvent decoded, out ReadOnlySpan<byte> packet)
    {
        decoded = default;
        packet = default;
        if (!MemoryMarshal.TryRead<PacketEventHeader>(record, out var header)
            || header.Type is not (EventType.Drop or EventType.Trace or EventType.PolicyVerdict))
        {
            return false;
        }
        var data = record[Unsafe.SizeOf<PacketEventHeader>()..];
        packet = data[..Math.Min(data.Length, header.CapturedLength)];
        decoded = new DatapathEvent
        {
            Type = (DatapathEventType)header.Type,
            SubType = header.Subtype,
            MonotonicNs = header.TimestampNs,
            Source = new EndpointId(header.SourceEndpoint),
            Destination = new EndpointId((ushort)header.DestinationEndpoint),
            SourceIdentity = new Identity(header.SourceIdentity),
            DestinationIdentity = new Identity(header.DestinationIdentity),
            InterfaceIndex = (int)header.Ifindex,
            OriginalLength = header.PacketLength,
            TraceReason = (byte)header.TraceReason,
            Direction = (header.PolicyFlags & DirectionMask) == EgressBits ? TrafficDirection.Egress : TrafficDirection.Ingress,
            Verdict = header.Verdict,
            MatchType = (byte)((header.PolicyFlags >> MatchShift) & MatchMask),
            DestinationPort = header.DestinationPort,
            Protocol = (L4Protocol)header.Protocol,
            Line = header.Line,
            File = (byte)header.File,
            ExtendedError = header.ExtError,
            OriginalAddress = header.OriginalAddress.ToIpAddr(),
            IsIPv6 = (header.Flags & PacketEventFlags.IPv6) != 0 || (header.PolicyFlags & IPv6Bit) != 0,
        };
        return true;
    }

    private static bool TryDecodeSocket(ReadOnlySpan<byte> record, out DatapathEvent decoded)
    {
        decoded = default;
        if (!MemoryMarshal.TryRead<SocketEvent>(record, out var socket))
            return false;
        decoded = new DatapathEvent
        {
            Type = DatapathEventType.TraceSock,
            SubType = (byte)socket.Point,
            MonotonicNs = socket.TimestampNs,
            // The record tells 1 for TCP and 2 for UDP.
            Protocol = socket.Protocol == 1 ? L4Protocol.Tcp : L4Protocol.Udp,
            DestinationPort = socket.DestinationPort,
            OriginalAddress = socket.Destination.ToIpAddr(),
            SocketCookie = socket.SocketCookie,
            CgroupId = socket.CgroupId,
            NetnsCookie = socket.NetnsCookie,
            IsIPv6 = (socket.Flags & PacketEventFlags.IPv6) != 0,
        };
        return true;
    }
}
