using System.Buffers.Binary;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork;

/// <summary>
/// Cuts IPv6 packets for their sender, and makes headers whole again; nobody on the way cuts them. Sources: RFC 8200 section 4.5; Linux 6.18
/// net/ipv6/ip6_output.c (ip6_fragment).
/// </summary>
internal static class Fragmentation6
{
    internal const int HeaderBytes = 8;

    private const int Ethernet = IpPacket.EthernetBytes;
    private const int FixedHeader = 40;
    private const int NextField = 6;
    private const int LengthField = 4;
    private const byte HopByHop = 0;
    private const byte Routing = 43;
    private const byte Fragment = 44;
    private const byte DestinationOptions = 60;
    private const int OffsetMask = 0xFFF8;
    private const int More = 1;
    private const int Unit = 8;

    /// <summary>The frames of the fragments; none when no piece fits.</summary>
    internal static List<byte[]> Cut(ReadOnlySpan<byte> frame, int fittingBytes, uint id)
    {
        var ip = frame[Ethernet..];
        var header = UnfragmentableBytes(ip, out var nextField);
        var room = (fittingBytes - header - HeaderBytes) & ~(Unit - 1);
        if (room <= 0)
            return [];
        var payload = ip[header..(FixedHeader + BinaryPrimitives.ReadUInt16BigEndian(ip[LengthField..]))];
        var fragments = new List<byte[]>();
        for (var offset = 0; offset < payload.Length; offset += room)
        {
            var piece = payload.Slice(offset, Math.Min(room, payload.Length - offset));
            var fragment = new byte[Ethernet + header + HeaderBytes + piece.Length];
            frame[..(Ethernet + header)].CopyTo(fragment);
            piece.CopyTo(fragment.AsSpan(Ethernet + header + HeaderBytes));
            var own = fragment.AsSpan(Ethernet);
            own[header] = own[nextField];
            own[nextField] = Fragment;
            BinaryPrimitives.WriteUInt16BigEndian(own[LengthField..], (ushort)(own.Length - FixedHeader));
            BinaryPrimitives.WriteUInt16BigEndian(own[(header + 2)..], (ushort)(offset | (offset + piece.Length < payload.Length ? More : 0)));
            BinaryPrimitives.WriteUInt32BigEndian(own[(header + 4)..], id);
            fragments.Add(fragment);
        }
        return fragments;
    }

    /// <summary>The header of the whole packet, with its Ethernet header, from that of the first fragment.</summary>
    /// <param name="first">The frame of the first fragment.</param>
    /// <param name="payloadOffset">Where its payload begins, counted from the network header: behind the fragment header.</param>
    /// <param name="payloadBytes">Bytes of the whole payload.</param>
    internal static byte[] Join(ReadOnlySpan<byte> first, int payloadOffset, int payloadBytes)
    {
        var header = payloadOffset - HeaderBytes;
        var bytes = new byte[Ethernet + header + payloadBytes];
        first[..(Ethernet + header)].CopyTo(bytes);
        var ip = bytes.AsSpan(Ethernet);
        ip[NextFieldOf(ip, header)] = first[Ethernet + header];
        BinaryPrimitives.WriteUInt16BigEndian(ip[LengthField..], (ushort)(ip.Length - FixedHeader));
        return bytes;
    }

    /// <summary>Where a fragment belongs, in bytes of the whole payload.</summary>
    internal static (int Offset, bool IsLast) PlaceOf(ReadOnlySpan<byte> frame, int payloadOffset)
    {
        var field = BinaryPrimitives.ReadUInt16BigEndian(frame[(Ethernet + payloadOffset - HeaderBytes + 2)..]);
        return (field & OffsetMask, (field & More) == 0);
    }

    internal static uint IdOf(ReadOnlySpan<byte> frame, int payloadOffset) =>
        BinaryPrimitives.ReadUInt32BigEndian(frame[(Ethernet + payloadOffset - HeaderBytes + 4)..]);

    /// <summary>Bytes of what routers have to see: each fragment has it (<c>ip6_find_1stfragopt</c>).</summary>
    private static int UnfragmentableBytes(ReadOnlySpan<byte> ip, out int nextField)
    {
        var (offset, hasRouting) = (FixedHeader, false);
        nextField = NextField;
        for (var next = ip[NextField]; next is HopByHop or Routing || (next == DestinationOptions && !hasRouting); next = ip[nextField])
        {
            hasRouting |= next == Routing;
            nextField = offset;
            offset += (ip[offset + 1] + 1) * Unit;
        }
        return offset;
    }

    /// <summary>The field that says what begins at an offset.</summary>
    private static int NextFieldOf(ReadOnlySpan<byte> ip, int header)
    {
        var (field, offset) = (NextField, FixedHeader);
        while (offset < header)
            (field, offset) = (offset, offset + ((ip[offset + 1] + 1) * Unit));
        return field;
    }
}
