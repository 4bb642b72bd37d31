using System.Buffers.Binary;
using Cilium.Core;

namespace Cilium.VirtualNetwork.Wire;

/// <summary>The network header of a frame, as far as a stack needs it. Sources: RFC 791, RFC 8200.</summary>
internal readonly ref struct IpPacket
{
    internal const int EthernetBytes = 14;
    internal const ushort IPv4Type = 0x0800;
    internal const ushort IPv6Type = 0x86DD;
    internal const ushort ArpType = 0x0806;
    private const int IPv4Bytes = 20;
    private const int IPv6Bytes = 40;

    internal IpAddr Source { get; private init; }

    internal IpAddr Destination { get; private init; }

    /// <summary>The protocol behind all extension headers; of a fragment of IPv6, what its header says that follows.</summary>
    internal byte Protocol { get; private init; }

    internal byte Ttl { get; private init; }

    internal byte TrafficClass { get; private init; }

    /// <summary>True for a packet of which this is not all.</summary>
    internal bool IsFragment { get; private init; }

    internal bool MayNotBeFragmented { get; private init; }

    /// <summary>Bytes of the whole network packet, header included.</summary>
    internal int Length { get; private init; }

    /// <summary>Where the payload begins, counted from the network header.</summary>
    internal int PayloadOffset { get; private init; }

    /// <summary>The payload, without what the Ethernet frame was padded with.</summary>
    internal ReadOnlySpan<byte> Payload { get; private init; }

    internal static ushort TypeOf(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt16BigEndian(frame[12..]);

    /// <summary>Reads what lies behind the Ethernet header; false when it is no whole network packet.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> frame, out IpPacket packet)
    {
        packet = default;
        if (frame.Length < EthernetBytes)
            return false;
        var ip = frame[EthernetBytes..];
        return TypeOf(frame) switch
        {
            IPv4Type => TryReadIPv4(ip, out packet),
            IPv6Type => TryReadIPv6(ip, out packet),
            _ => false,
        };
    }

    private static bool TryReadIPv4(ReadOnlySpan<byte> ip, out IpPacket packet)
    {
        packet = default;
        if (ip.Length < IPv4Bytes || ip[0] >> 4 != 4)
            return false;
        var header = (ip[0] & 0xF) * 4;
        var length = BinaryPrimitives.ReadUInt16BigEndian(ip[2..]);
        if (header < IPv4Bytes || length < header || length > ip.Length || InternetChecksum.Fold(InternetChecksum.Sum(ip[..header])) != 0)
            return false;
        var fragment = BinaryPrimitives.ReadUInt16BigEndian(ip[6..]);
        packet = new IpPacket
        {
            Source = IpAddr.FromNetworkBytes(ip.Slice(12, 4)),
            Destination = IpAddr.FromNetworkBytes(ip.Slice(16, 4)),
            Protocol = ip[9],
            Ttl = ip[8],
            TrafficClass = ip[1],
            IsFragment = (fragment & 0x3FFF) != 0,
            MayNotBeFragmented = (fragment & 0x4000) != 0,
            Length = length,
            PayloadOffset = header,
            Payload = ip[header..length],
        };
        return true;
    }

    private static bool TryReadIPv6(ReadOnlySpan<byte> ip, out IpPacket packet)
    {
        packet = default;
        if (ip.Length < IPv6Bytes || ip[0] >> 4 != 6)
            return false;
        var length = IPv6Bytes + BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
        if (length > ip.Length)
            return false;
        var (next, offset, isFragment) = (ip[6], IPv6Bytes, false);
        while (next is 0 or 43 or 44 or 60)
        {
            if (offset + 8 > length)
                return false;
            isFragment |= next == 44 && (BinaryPrimitives.ReadUInt16BigEndian(ip[(offset + 2)..]) & 0xFFF9) != 0;
            var bytes = next == 44 ? 8 : (ip[offset + 1] + 1) * 8;
            next = ip[offset];
            offset += bytes;
            // What follows is, but in the first one, the middle of something.
            if (isFragment)
                break;
        }
        if (offset > length)
            return false;
        packet = new IpPacket
        {
            Source = IpAddr.FromNetworkBytes(ip.Slice(8, 16)),
            Destination = IpAddr.FromNetworkBytes(ip.Slice(24, 16)),
            Protocol = next,
            Ttl = ip[7],
            TrafficClass = (byte)(BinaryPrimitives.ReadUInt16BigEndian(ip) >> 4),
            IsFragment = isFragment,
            MayNotBeFragmented = true,
            Length = length,
            PayloadOffset = offset,
            Payload = ip[offset..length],
        };
        return true;
    }

    /// <summary>Takes one from the hop count, and keeps the checksum right (RFC 1624).</summary>
    internal static void CountHop(Span<byte> frame)
    {
        var ip = frame[EthernetBytes..];
        if (ip[0] >> 4 == 6)
        {
            ip[7]--;
            return;
        }
        ip[8]--;
        var sum = (uint)BinaryPrimitives.ReadUInt16BigEndian(ip[10..]) + 0x0100;
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], (ushort)((sum & 0xFFFF) + (sum >> 16)));
    }
}
