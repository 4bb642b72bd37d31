using System.Buffers.Binary;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork.Sockets;

/// <summary>A received segment.</summary>
internal readonly ref struct TcpSegment
{
    internal Endpoint Source { get; private init; }

    internal Endpoint Destination { get; private init; }

    internal TcpFlags Flags { get; private init; }

    internal uint Sequence { get; private init; }

    internal uint Acknowledged { get; private init; }

    internal ReadOnlySpan<byte> Payload { get; private init; }

    /// <summary>Reads a payload of at least 20 bytes.</summary>
    internal static TcpSegment Read(in IpPacket ip)
    {
        var header = Math.Clamp((ip.Payload[12] >> 4) * 4, FrameWriter.TcpBytes, ip.Payload.Length);
        return new TcpSegment
        {
            Source = new Endpoint(ip.Source, BinaryPrimitives.ReadUInt16BigEndian(ip.Payload)),
            Destination = new Endpoint(ip.Destination, BinaryPrimitives.ReadUInt16BigEndian(ip.Payload[2..])),
            Sequence = BinaryPrimitives.ReadUInt32BigEndian(ip.Payload[4..]),
            Acknowledged = BinaryPrimitives.ReadUInt32BigEndian(ip.Payload[8..]),
            Flags = (TcpFlags)ip.Payload[13],
            Payload = ip.Payload[header..],
        };
    }

    /// <summary>The reset that answers a segment for nobody (RFC 9293 section 3.10.7.1).</summary>
    internal byte[] Refusal()
    {
        if (Flags.HasFlag(TcpFlags.Ack))
            return FrameWriter.TcpSegment(Destination, Source, TcpFlags.Rst, Acknowledged, 0, []);
        var next = Sequence + (uint)Payload.Length + (Flags.HasFlag(TcpFlags.Syn) ? 1u : 0) + (Flags.HasFlag(TcpFlags.Fin) ? 1u : 0);
        return FrameWriter.TcpSegment(Destination, Source, TcpFlags.Rst | TcpFlags.Ack, 0, next, []);
    }
}
