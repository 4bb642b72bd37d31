using System.Buffers.Binary;
using Cilium.Core;
using Cilium.Datapath.Events;

namespace Cilium.Hubble.Monitor;

/// <summary>One message of the monitor socket: an event with its packet bytes, or a report of losses.</summary>
/// <remarks>
/// A stream opens with <see cref="Greeting"/>. Each frame is its length (u32, little-endian, without itself), a kind (u8) and a body. The layout
/// belongs to one version of the agent and its tools and is told apart by the greeting.
/// </remarks>
public static class MonitorFrame
{
    /// <summary>The largest frame; longer ones end the stream.</summary>
    public const int MaximumBytes = 4096;

    private const byte KindEvent = 1;
    private const byte KindLost = 2;
    private const int EventBytes = 96;
    private const int PrefixBytes = 5;

    /// <summary>The first bytes of a stream.</summary>
    public static ReadOnlySpan<byte> Greeting => "cilmon01"u8;

    /// <summary>The frame of an event.</summary>
    public static byte[] OfEvent(in DatapathEvent datapathEvent, ReadOnlySpan<byte> packet)
    {
        var length = Math.Min(packet.Length, MaximumBytes - EventBytes - PrefixBytes);
        var frame = new byte[PrefixBytes + EventBytes + length];
        BinaryPrimitives.WriteInt32LittleEndian(frame, frame.Length - 4);
        frame[4] = KindEvent;
        Write(datapathEvent, frame.AsSpan(PrefixBytes));
        packet[..length].CopyTo(frame.AsSpan(PrefixBytes + EventBytes));
        return frame;
    }

    /// <summary>The frame of a report of losses.</summary>
    public static byte[] OfLost(ulong count)
    {
        var frame = new byte[PrefixBytes + 8];
        BinaryPrimitives.WriteInt32LittleEndian(frame, frame.Length - 4);
        frame[4] = KindLost;
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(PrefixBytes), count);
        return frame;
    }

    /// <summary>Reads what follows the length; false for anything that is no frame.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> body, out MonitorMessage message)
    {
        message = default;
        var bytes = body.Span;
        if (bytes.Length == 9 && bytes[0] == KindLost)
        {
            message = new MonitorMessage(default, default, BinaryPrimitives.ReadUInt64LittleEndian(bytes[1..]));
            return true;
        }

        if (bytes.Length < 1 + EventBytes || bytes[0] != KindEvent)
        {
            return false;
        }

        message = new MonitorMessage(Read(bytes[1..]), body[(1 + EventBytes)..], 0);
        return true;
    }

    private static void Write(in DatapathEvent datapathEvent, Span<byte> to)
    {
        to[0] = (byte)datapathEvent.Type;
        to[1] = datapathEvent.SubType;
        to[2] = datapathEvent.TraceReason;
        to[3] = (byte)datapathEvent.Direction;
        to[4] = datapathEvent.MatchType;
        to[5] = (byte)datapathEvent.Protocol;
        to[6] = datapathEvent.File;
        to[7] = (byte)datapathEvent.ExtendedError;
        to[8] = (byte)((datapathEvent.IsIPv6 ? 1 : 0) | (datapathEvent.IsL3Device ? 2 : 0));
        BinaryPrimitives.WriteUInt16LittleEndian(to[10..], datapathEvent.Source.Value);
        BinaryPrimitives.WriteUInt16LittleEndian(to[12..], datapathEvent.Destination.Value);
        BinaryPrimitives.WriteUInt16LittleEndian(to[14..], datapathEvent.DestinationPort);
        BinaryPrimitives.WriteUInt16LittleEndian(to[16..], datapathEvent.Line);
        BinaryPrimitives.WriteUInt32LittleEndian(to[20..], datapathEvent.SourceIdentity.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(to[24..], datapathEvent.DestinationIdentity.Value);
        BinaryPrimitives.WriteInt32LittleEndian(to[28..], datapathEvent.InterfaceIndex);
        BinaryPrimitives.WriteUInt32LittleEndian(to[32..], datapathEvent.OriginalLength);
        BinaryPrimitives.WriteInt32LittleEndian(to[36..], datapathEvent.Verdict);
        BinaryPrimitives.WriteUInt64LittleEndian(to[40..], datapathEvent.MonotonicNs);
        BinaryPrimitives.WriteUInt64LittleEndian(to[48..], datapathEvent.SocketCookie);
        BinaryPrimitives.WriteUInt64LittleEndian(to[56..], datapathEvent.CgroupId);
        datapathEvent.OriginalAddress.WriteNetworkBytes(to[64..]);
    }

    private static DatapathEvent Read(ReadOnlySpan<byte> from) => new()
    {
        Type = (DatapathEventType)from[0],
        SubType = from[1],
        TraceReason = from[2],
        Direction = (TrafficDirection)from[3],
        MatchType = from[4],
        Protocol = (L4Protocol)from[5],
        File = from[6],
        ExtendedError = (sbyte)from[7],
        IsIPv6 = (from[8] & 1) != 0,
        IsL3Device = (from[8] & 2) != 0,
        Source = new EndpointId(BinaryPrimitives.ReadUInt16LittleEndian(from[10..])),
        Destination = new EndpointId(BinaryPrimitives.ReadUInt16LittleEndian(from[12..])),
        DestinationPort = BinaryPrimitives.ReadUInt16LittleEndian(from[14..]),
        Line = BinaryPrimitives.ReadUInt16LittleEndian(from[16..]),
        SourceIdentity = new Identity(BinaryPrimitives.ReadUInt32LittleEndian(from[20..])),
        DestinationIdentity = new Identity(BinaryPrimitives.ReadUInt32LittleEndian(from[24..])),
        InterfaceIndex = BinaryPrimitives.ReadInt32LittleEndian(from[28..]),
        OriginalLength = BinaryPrimitives.ReadUInt32LittleEndian(from[32..]),
        Verdict = BinaryPrimitives.ReadInt32LittleEndian(from[36..]),
        MonotonicNs = BinaryPrimitives.ReadUInt64LittleEndian(from[40..]),
        SocketCookie = BinaryPrimitives.ReadUInt64LittleEndian(from[48..]),
        CgroupId = BinaryPrimitives.ReadUInt64LittleEndian(from[56..]),
        OriginalAddress = IpAddr.FromNetworkBytes(from.Slice(64, 16)),
    };
}
