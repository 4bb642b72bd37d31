using System.Buffers.Binary;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork;

/// <summary>Cuts IPv4 packets that are too long for a link. Sources: RFC 791; Linux 6.18 net/ipv4/ip_output.c (ip_do_fragment).</summary>
internal static class Fragmentation
{
    private const int Ethernet = IpPacket.EthernetBytes;
    private const int LengthField = 2;
    private const int IdField = 4;
    private const int FragmentField = 6;
    private const int ChecksumField = 10;
    private const int FixedHeader = 20;
    private const ushort MayNot = 0x4000;
    private const ushort More = 0x2000;
    private const int OffsetMask = 0x1FFF;
    private const int Unit = 8;
    private const byte OptionEnd = 0;
    private const byte OptionNone = 1;
    private const byte OptionIsCopied = 0x80;

    /// <summary>Lets a packet be cut, by a number that its fragments have in common.</summary>
    internal static void Allow(Span<byte> frame, ushort id)
    {
        var ip = frame[Ethernet..];
        BinaryPrimitives.WriteUInt16BigEndian(ip[IdField..], id);
        SetFragment(ip, 0);
    }

    /// <summary>The frames of the fragments; none when the packet may not be cut or no piece fits.</summary>
    internal static List<byte[]> Cut(ReadOnlySpan<byte> frame, int fittingBytes)
    {
        var ip = frame[Ethernet..];
        if (IpPacket.TypeOf(frame) != IpPacket.IPv4Type)
            return [];
        var header = (ip[0] & 0xF) * 4;
        var field = BinaryPrimitives.ReadUInt16BigEndian(ip[FragmentField..]);
        var room = (fittingBytes - header) & ~(Unit - 1);
        if ((field & MayNot) != 0 || room <= 0)
            return [];
        var payload = ip[header..BinaryPrimitives.ReadUInt16BigEndian(ip[LengthField..])];
        var fragments = new List<byte[]>();
        for (var offset = 0; offset < payload.Length; offset += room)
        {
            var piece = payload.Slice(offset, Math.Min(room, payload.Length - offset));
            var fragment = new byte[Ethernet + header + piece.Length];
            frame[..(Ethernet + header)].CopyTo(fragment);
            piece.CopyTo(fragment.AsSpan(Ethernet + header));
            var own = fragment.AsSpan(Ethernet);
            if (offset > 0)
                ForgetOptions(own[FixedHeader..header]);
            BinaryPrimitives.WriteUInt16BigEndian(own[LengthField..], (ushort)(header + piece.Length));
            var isLast = offset + piece.Length == payload.Length && (field & More) == 0;
            SetFragment(own, (ushort)((((field & OffsetMask) + (offset / Unit)) & OffsetMask) | (isLast ? 0 : More)));
            fragments.Add(fragment);
        }
        return fragments;
    }

    /// <summary>The header of the whole packet, with its Ethernet header, from that of the first fragment.</summary>
    internal static byte[] Join(ReadOnlySpan<byte> first, int header, int payloadBytes)
    {
        var bytes = new byte[Ethernet + header + payloadBytes];
        first[..(Ethernet + header)].CopyTo(bytes);
        var ip = bytes.AsSpan(Ethernet);
        BinaryPrimitives.WriteUInt16BigEndian(ip[LengthField..], (ushort)ip.Length);
        SetFragment(ip, 0);
        return bytes;
    }

    /// <summary>Where a fragment belongs, in bytes of the whole payload.</summary>
    internal static (int Offset, bool IsLast) PlaceOf(ReadOnlySpan<byte> frame)
    {
        var field = BinaryPrimitives.ReadUInt16BigEndian(frame[(Ethernet + FragmentField)..]);
        return ((field & OffsetMask) * Unit, (field & More) == 0);
    }

    internal static ushort IdOf(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt16BigEndian(frame[(Ethernet + IdField)..]);

    private static void SetFragment(Span<byte> ip, ushort field)
    {
        BinaryPrimitives.WriteUInt16BigEndian(ip[FragmentField..], field);
        BinaryPrimitives.WriteUInt16BigEndian(ip[ChecksumField..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(ip[ChecksumField..], InternetChecksum.Fold(InternetChecksum.Sum(ip[..((ip[0] & 0xF) * 4)])));
    }

    /// <summary>Only some options are for every fragment; the others become padding.</summary>
    private static void ForgetOptions(Span<byte> options)
    {
        while (options.Length > 0 && options[0] != OptionEnd)
        {
            if (options[0] == OptionNone)
            {
                options = options[1..];
                continue;
            }
            if (options.Length < 2 || options[1] < 2 || options[1] > options.Length)
                return;
            var bytes = options[1];
            if ((options[0] & OptionIsCopied) == 0)
                options[..bytes].Fill(OptionNone);
            options = options[bytes..];
        }
    }
}
