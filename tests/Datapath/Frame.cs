using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Cilium.DatapathTests;

/// <summary>Builds Ethernet frames with right checksums, and checks those of a frame.</summary>
internal static class Frame
{
    internal const byte Icmp = 1;
    internal const byte Tcp = 6;
    internal const byte Udp = 17;
    internal const byte IcmpV6 = 58;
    internal const byte Fin = 1;
    internal const byte Syn = 2;
    internal const byte Rst = 4;
    internal const byte Ack = 16;
    internal const int Ethernet = 14;

    internal static readonly byte[] PodMac = [2, 0, 0, 0, 0, 0x10];
    internal static readonly byte[] HostMac = [2, 0, 0, 0, 0, 0x01];
    internal static readonly byte[] OtherPodMac = [2, 0, 0, 0, 0, 0x20];
    internal static readonly byte[] OtherHostMac = [2, 0, 0, 0, 0, 0x02];

    internal static byte[] TcpSegment(string source, string destination, ushort sourcePort, ushort destinationPort, byte flags, int payload = 0)
    {
        var l4 = new byte[20 + payload];
        Ports(l4, sourcePort, destinationPort);
        l4[12] = 5 << 4;
        l4[13] = flags;
        l4[14] = 0xFF;
        return Ip(source, destination, Tcp, l4);
    }

    internal static byte[] UdpDatagram(string source, string destination, ushort sourcePort, ushort destinationPort, int payload = 4)
    {
        var l4 = new byte[8 + payload];
        Ports(l4, sourcePort, destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(l4.AsSpan(4), (ushort)l4.Length);
        return Ip(source, destination, Udp, l4);
    }

    /// <summary>An echo request, or a reply when <paramref name="reply"/>.</summary>
    internal static byte[] Echo(string source, string destination, ushort id, bool reply = false)
    {
        var v6 = IsV6(source);
        var l4 = new byte[16];
        l4[0] = (byte)(v6 ? (reply ? 129 : 128) : (reply ? 0 : 8));
        BinaryPrimitives.WriteUInt16BigEndian(l4.AsSpan(4), id);
        return Ip(source, destination, v6 ? IcmpV6 : Icmp, l4);
    }

    /// <summary>An ICMP "port unreachable" that quotes what lies behind <paramref name="quoted"/>'s Ethernet header.</summary>
    internal static byte[] Unreachable(string source, string destination, byte[] quoted)
    {
        var v6 = IsV6(source);
        var l4 = new byte[8 + Math.Min(quoted.Length - Ethernet, v6 ? 48 : 28)];
        l4[0] = (byte)(v6 ? 1 : 3);
        l4[1] = (byte)(v6 ? 4 : 3);
        quoted.AsSpan(Ethernet, l4.Length - 8).CopyTo(l4.AsSpan(8));
        return Ip(source, destination, v6 ? IcmpV6 : Icmp, l4);
    }

    /// <summary>The frame that an ICMP error quotes, as far as it does.</summary>
    internal static byte[] Quoted(ReadOnlySpan<byte> error)
    {
        var quoted = new byte[Ethernet + L4(error).Length - 8];
        error[..Ethernet].CopyTo(quoted);
        L4(error)[8..].CopyTo(quoted.AsSpan(Ethernet));
        return quoted;
    }

    internal static byte[] Ip(string source, string destination, byte protocol, byte[] l4, byte hops = 64)
    {
        var from = IPAddress.Parse(source).GetAddressBytes();
        var to = IPAddress.Parse(destination).GetAddressBytes();
        var v6 = from.Length == 16;
        var header = v6 ? 40 : 20;
        var frame = new byte[Ethernet + header + l4.Length];
        HostMac.CopyTo(frame, 0);
        PodMac.CopyTo(frame, 6);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), (ushort)(v6 ? 0x86DD : 0x0800));
        var ip = frame.AsSpan(Ethernet);
        if (v6)
        {
            ip[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)l4.Length);
            ip[6] = protocol;
            ip[7] = hops;
            from.CopyTo(ip[8..]);
            to.CopyTo(ip[24..]);
        }
        else
        {
            ip[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(header + l4.Length));
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], 0x1234);
            ip[8] = hops;
            ip[9] = protocol;
            from.CopyTo(ip[12..]);
            to.CopyTo(ip[16..]);
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], (ushort)~Sum(ip[..20], 0));
        }
        l4.CopyTo(ip[header..]);
        var at = ChecksumOffset(protocol);
        if (at >= 0 && l4.Length > at + 1)
            BinaryPrimitives.WriteUInt16BigEndian(ip[(header + at)..], (ushort)~Sum(ip[header..], PseudoSum(frame)));
        return frame;
    }

    /// <summary>The fragments of a frame, the first with <paramref name="firstBytes"/> of its payload.</summary>
    internal static byte[][] Fragments(byte[] frame, int firstBytes)
    {
        var v6 = IsV6(frame);
        var header = Ethernet + (v6 ? 40 : 20);
        return [Part(0, firstBytes, true), Part(firstBytes, frame.Length - header - firstBytes, false)];

        byte[] Part(int offset, int length, bool more)
        {
            var part = new byte[header + (v6 ? 8 : 0) + length];
            frame.AsSpan(0, header).CopyTo(part);
            frame.AsSpan(header + offset, length).CopyTo(part.AsSpan(header + (v6 ? 8 : 0)));
            var ip = part.AsSpan(Ethernet);
            if (v6)
            {
                BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(8 + length));
                ip[40] = ip[6];
                ip[6] = 44;
                BinaryPrimitives.WriteUInt16BigEndian(ip[42..], (ushort)(offset | (more ? 1 : 0)));
                BinaryPrimitives.WriteUInt32BigEndian(ip[44..], 0xABCD);
            }
            else
            {
                BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(20 + length));
                BinaryPrimitives.WriteUInt16BigEndian(ip[6..], (ushort)((offset / 8) | (more ? 0x2000 : 0)));
                ip[10] = ip[11] = 0;
                BinaryPrimitives.WriteUInt16BigEndian(ip[10..], (ushort)~Sum(ip[..20], 0));
            }
            return part;
        }
    }

    internal static bool IsV6(string address) => IPAddress.Parse(address).AddressFamily == AddressFamily.InterNetworkV6;

    internal static bool IsV6(ReadOnlySpan<byte> frame) => frame[12] == 0x86;

    internal static string Source(ReadOnlySpan<byte> frame) => Address(frame, IsV6(frame) ? 8 : 12);

    internal static string Destination(ReadOnlySpan<byte> frame) => Address(frame, IsV6(frame) ? 24 : 16);

    internal static byte Protocol(ReadOnlySpan<byte> frame) => frame[Ethernet + (IsV6(frame) ? 6 : 9)];

    internal static byte Hops(ReadOnlySpan<byte> frame) => frame[Ethernet + (IsV6(frame) ? 7 : 8)];

    internal static ReadOnlySpan<byte> L4(ReadOnlySpan<byte> frame) => frame[(Ethernet + (IsV6(frame) ? 40 : 20))..];

    internal static ushort SourcePort(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt16BigEndian(L4(frame));

    internal static ushort DestinationPort(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt16BigEndian(L4(frame)[2..]);

    /// <summary>Whether the checksums of the IP header and of what it carries are right.</summary>
    internal static bool IsSound(byte[] frame)
    {
        if (!HasSoundHeader(frame))
            return false;
        return ChecksumOffset(Protocol(frame)) < 0 || Sum(L4(frame), PseudoSum(frame)) == 0xFFFF;
    }

    /// <summary>Whether the checksum of the IP header is right.</summary>
    internal static bool HasSoundHeader(byte[] frame) => IsV6(frame) || Sum(frame.AsSpan(Ethernet, 20), 0) == 0xFFFF;

    private static string Address(ReadOnlySpan<byte> frame, int offset) =>
        new IPAddress(frame.Slice(Ethernet + offset, IsV6(frame) ? 16 : 4)).ToString();

    private static int ChecksumOffset(byte protocol) => protocol switch { Tcp => 16, Udp => 6, Icmp or IcmpV6 => 2, _ => -1 };

    private static uint PseudoSum(ReadOnlySpan<byte> frame)
    {
        var protocol = Protocol(frame);
        if (protocol == Icmp)
            return 0;
        var addresses = IsV6(frame) ? frame.Slice(Ethernet + 8, 32) : frame.Slice(Ethernet + 12, 8);
        return Sum(addresses, (uint)(protocol + L4(frame).Length));
    }

    private static uint Sum(ReadOnlySpan<byte> bytes, uint sum)
    {
        for (var i = 0; i < bytes.Length; i += 2)
            sum += (uint)(bytes[i] << 8 | (i + 1 < bytes.Length ? bytes[i + 1] : 0));
        while (sum > 0xFFFF)
            sum = (sum & 0xFFFF) + (sum >> 16);
        return sum;
    }

    private static void Ports(byte[] l4, ushort source, ushort destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(l4, source);
        BinaryPrimitives.WriteUInt16BigEndian(l4.AsSpan(2), destination);
    }
}
