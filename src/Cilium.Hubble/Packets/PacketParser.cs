using System.Buffers.Binary;
using Cilium.Core;

namespace Cilium.Hubble.Packets;

/// <summary>Reads the headers of a captured packet: Ethernet with VLAN tags, ARP, IPv4, IPv6 with extension headers, and the transports.</summary>
/// <remarks>Takes any bytes: what is truncated or unknown ends the reading, never with an exception. Allocates nothing.</remarks>
public static class PacketParser
{
    private const int EthernetLength = 14;
    private const int MaximumExtensionHeaders = 8;

    /// <summary>Reads as many headers as <paramref name="bytes"/> has.</summary>
    /// <param name="bytes">The first bytes of the packet, usually cut.</param>
    /// <param name="isL3Device">True when the bytes begin with the IP header.</param>
    public static ParsedPacket Parse(ReadOnlySpan<byte> bytes, bool isL3Device)
    {
        var packet = default(ParsedPacket);
        if (isL3Device)
        {
            if (!bytes.IsEmpty)
            {
                ReadIp(ref packet, bytes, (bytes[0] >> 4) == 6);
            }

            return packet;
        }

        if (bytes.Length < EthernetLength)
        {
            return packet;
        }

        packet.Layer = PacketLayer.Ethernet;
        packet.HasEthernet = true;
        packet.DestinationMac = MacAddress.FromBytes(bytes[..6]);
        packet.SourceMac = MacAddress.FromBytes(bytes.Slice(6, 6));
        var etherType = BinaryPrimitives.ReadUInt16BigEndian(bytes[12..]);
        var rest = bytes[EthernetLength..];
        while (etherType is 0x8100 or 0x88a8 && rest.Length >= 4)
        {
            etherType = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
            rest = rest[4..];
        }

        packet.EtherType = etherType;
        switch (etherType)
        {
            case 0x0800:
                ReadIp(ref packet, rest, isIPv6: false);
                break;
            case 0x86dd:
                ReadIp(ref packet, rest, isIPv6: true);
                break;
            case 0x0806:
                ReadArp(ref packet, rest);
                break;
            default:
                break;
        }

        return packet;
    }

    private static void ReadArp(ref ParsedPacket packet, ReadOnlySpan<byte> bytes)
    {
        packet.Layer = PacketLayer.Arp;
        if (bytes.Length >= 28 && bytes[4] == 6 && bytes[5] == 4)
        {
            packet.IcmpType = (byte)BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]);
            packet.Source = IpAddr.FromNetworkBytes(bytes.Slice(14, 4));
            packet.Destination = IpAddr.FromNetworkBytes(bytes.Slice(24, 4));
        }
    }

    private static void ReadIp(ref ParsedPacket packet, ReadOnlySpan<byte> bytes, bool isIPv6)
    {
        if (isIPv6)
        {
            ReadIPv6(ref packet, bytes);
        }
        else
        {
            ReadIPv4(ref packet, bytes);
        }
    }

    private static void ReadIPv4(ref ParsedPacket packet, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 20 || (bytes[0] >> 4) != 4)
        {
            return;
        }

        packet.Layer = PacketLayer.Ip;
        packet.IpVersion = 4;
        packet.Source = IpAddr.FromNetworkBytes(bytes.Slice(12, 4));
        packet.Destination = IpAddr.FromNetworkBytes(bytes.Slice(16, 4));
        packet.Protocol = bytes[9];
        packet.IsLaterFragment = (BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]) & 0x1fff) != 0;
        var headerLength = (bytes[0] & 0x0f) * 4;
        if (headerLength >= 20 && headerLength <= bytes.Length && !packet.IsLaterFragment)
        {
            ReadTransport(ref packet, bytes[headerLength..]);
        }
    }

    private static void ReadIPv6(ref ParsedPacket packet, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 40 || (bytes[0] >> 4) != 6)
        {
            return;
        }

        packet.Layer = PacketLayer.Ip;
        packet.IpVersion = 6;
        packet.Source = IpAddr.FromNetworkBytes(bytes.Slice(8, 16));
        packet.Destination = IpAddr.FromNetworkBytes(bytes.Slice(24, 16));
        packet.Protocol = bytes[6];
        var rest = bytes[40..];
        for (var i = 0; i < MaximumExtensionHeaders; i++)
        {
            int length;
            switch (packet.Protocol)
            {
                case 0 or 43 or 60 or 135 when rest.Length >= 8: // hop-by-hop, routing, destination options, mobility
                    length = (rest[1] + 1) * 8;
                    break;
                case 51 when rest.Length >= 8: // authentication
                    length = (rest[1] + 2) * 4;
                    break;
                case 44 when rest.Length >= 8: // fragment
                    length = 8;
                    packet.IsLaterFragment = (BinaryPrimitives.ReadUInt16BigEndian(rest[2..]) & 0xfff8) != 0;
                    break;
                default:
                    ReadTransport(ref packet, rest);
                    return;
            }

            packet.Protocol = rest[0];
            if (packet.IsLaterFragment || length > rest.Length)
            {
                return;
            }

            rest = rest[length..];
        }
    }

    private static void ReadTransport(ref ParsedPacket packet, ReadOnlySpan<byte> bytes)
    {
        switch (packet.Protocol)
        {
            case 6 when bytes.Length >= 14:
                packet.Layer = PacketLayer.Tcp;
                ReadPorts(ref packet, bytes);
                packet.TcpFlags = (TcpFlags)(BinaryPrimitives.ReadUInt16BigEndian(bytes[12..]) & 0x01ff);
                break;
            case 17 when bytes.Length >= 4:
                packet.Layer = PacketLayer.Udp;
                ReadPorts(ref packet, bytes);
                break;
            case 132 when bytes.Length >= 4:
                packet.Layer = PacketLayer.Sctp;
                ReadPorts(ref packet, bytes);
                break;
            case 1 when packet.IpVersion == 4 && bytes.Length >= 2:
                packet.Layer = PacketLayer.IcmpV4;
                (packet.IcmpType, packet.IcmpCode) = (bytes[0], bytes[1]);
                break;
            case 58 when packet.IpVersion == 6 && bytes.Length >= 2:
                packet.Layer = PacketLayer.IcmpV6;
                (packet.IcmpType, packet.IcmpCode) = (bytes[0], bytes[1]);
                break;
            case 2 when packet.IpVersion == 4 && bytes.Length >= 1:
                packet.Layer = PacketLayer.Igmp;
                packet.IcmpType = bytes[0];
                break;
            default:
                break;
        }
    }

    private static void ReadPorts(ref ParsedPacket packet, ReadOnlySpan<byte> bytes)
    {
        packet.SourcePort = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        packet.DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
    }
}
