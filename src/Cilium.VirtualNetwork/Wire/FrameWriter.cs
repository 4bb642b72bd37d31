using System.Buffers.Binary;
using Cilium.Core;

namespace Cilium.VirtualNetwork.Wire;

/// <summary>Writes frames with right lengths and checksums. Ethernet addresses are left zero for the device to fill in.</summary>
internal static class FrameWriter
{
    internal const byte Icmp = 1;
    internal const byte Tcp = 6;
    internal const byte Udp = 17;
    internal const byte IcmpV6 = 58;
    internal const int UdpBytes = 8;
    internal const int TcpBytes = 20;
    internal const int IcmpBytes = 8;
    private const int EthernetBytes = IpPacket.EthernetBytes;

    internal static int HeaderBytes(IpAddr address) => address.IsIPv4 ? 20 : 40;

    internal static byte[] UdpDatagram(Endpoint source, Endpoint destination, ReadOnlySpan<byte> payload, byte ttl = 64)
    {
        var frame = Begin(source.Address, destination.Address, Udp, UdpBytes + payload.Length, ttl, out var l4);
        BinaryPrimitives.WriteUInt16BigEndian(l4, source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(l4[2..], destination.Port);
        BinaryPrimitives.WriteUInt16BigEndian(l4[4..], (ushort)l4.Length);
        payload.CopyTo(l4[UdpBytes..]);
        var sum = Checksum(source.Address, destination.Address, Udp, l4);
        BinaryPrimitives.WriteUInt16BigEndian(l4[6..], sum == 0 ? (ushort)0xFFFF : sum);
        return frame;
    }

    internal static byte[] TcpSegment(Endpoint source, Endpoint destination, TcpFlags flags, uint sequence, uint acknowledged, ReadOnlySpan<byte> payload, byte ttl = 64)
    {
        var frame = Begin(source.Address, destination.Address, Tcp, TcpBytes + payload.Length, ttl, out var l4);
        BinaryPrimitives.WriteUInt16BigEndian(l4, source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(l4[2..], destination.Port);
        BinaryPrimitives.WriteUInt32BigEndian(l4[4..], sequence);
        BinaryPrimitives.WriteUInt32BigEndian(l4[8..], acknowledged);
        l4[12] = TcpBytes / 4 << 4;
        l4[13] = (byte)flags;
        BinaryPrimitives.WriteUInt16BigEndian(l4[14..], 0xFFFF);
        payload.CopyTo(l4[TcpBytes..]);
        BinaryPrimitives.WriteUInt16BigEndian(l4[16..], Checksum(source.Address, destination.Address, Tcp, l4));
        return frame;
    }

    /// <summary>A packet of any protocol whose payload is complete, checksum included.</summary>
    internal static byte[] Raw(IpAddr source, IpAddr destination, byte protocol, ReadOnlySpan<byte> payload, byte ttl = 64)
    {
        var frame = Begin(source, destination, protocol, payload.Length, ttl, out var l4);
        payload.CopyTo(l4);
        return frame;
    }

    /// <summary>An ICMP message of either family: type, code, four bytes, and data.</summary>
    internal static byte[] IcmpMessage(IpAddr source, IpAddr destination, byte type, byte code, uint rest, ReadOnlySpan<byte> data, byte ttl = 64)
    {
        var protocol = source.IsIPv4 ? Icmp : IcmpV6;
        var frame = Begin(source, destination, protocol, IcmpBytes + data.Length, ttl, out var l4);
        l4[0] = type;
        l4[1] = code;
        BinaryPrimitives.WriteUInt32BigEndian(l4[4..], rest);
        data.CopyTo(l4[IcmpBytes..]);
        var sum = source.IsIPv4 ? InternetChecksum.Fold(InternetChecksum.Sum(l4)) : Checksum(source, destination, protocol, l4);
        BinaryPrimitives.WriteUInt16BigEndian(l4[2..], sum);
        return frame;
    }

    internal static void WriteIp(Span<byte> ip, IpAddr source, IpAddr destination, byte protocol, int payloadBytes, byte ttl, byte trafficClass, bool mayNotBeFragmented)
    {
        if (source.IsIPv4)
        {
            ip[..20].Clear();
            ip[0] = 0x45;
            ip[1] = trafficClass;
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(20 + payloadBytes));
            ip[6] = (byte)(mayNotBeFragmented ? 0x40 : 0);
            ip[8] = ttl;
            ip[9] = protocol;
            BinaryPrimitives.WriteUInt32BigEndian(ip[12..], source.IPv4Value);
            BinaryPrimitives.WriteUInt32BigEndian(ip[16..], destination.IPv4Value);
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], InternetChecksum.Fold(InternetChecksum.Sum(ip[..20])));
            return;
        }
        BinaryPrimitives.WriteUInt32BigEndian(ip, 0x60000000u | (uint)trafficClass << 20);
        BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)payloadBytes);
        ip[6] = protocol;
        ip[7] = ttl;
        source.WriteNetworkBytes(ip[8..]);
        destination.WriteNetworkBytes(ip[24..]);
    }

    internal static ushort Checksum(IpAddr source, IpAddr destination, byte protocol, ReadOnlySpan<byte> l4) =>
        InternetChecksum.Fold(InternetChecksum.Sum(l4, InternetChecksum.Pseudo(source, destination, protocol, l4.Length)));

    private static byte[] Begin(IpAddr source, IpAddr destination, byte protocol, int payloadBytes, byte ttl, out Span<byte> l4)
    {
        if (source.IsIPv4 != destination.IsIPv4)
            throw new ArgumentException($"{source} and {destination} are of different families");
        var header = HeaderBytes(source);
        if (payloadBytes + header > ushort.MaxValue)
            throw new ArgumentException($"a packet of {payloadBytes + header} bytes is too long");
        var frame = new byte[EthernetBytes + header + payloadBytes];
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), source.IsIPv4 ? IpPacket.IPv4Type : IpPacket.IPv6Type);
        WriteIp(frame.AsSpan(EthernetBytes), source, destination, protocol, payloadBytes, ttl, 0, mayNotBeFragmented: true);
        l4 = frame.AsSpan(EthernetBytes + header);
        return frame;
    }
}
