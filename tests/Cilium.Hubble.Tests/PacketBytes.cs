using System.Buffers.Binary;
using Cilium.Core;
using Cilium.Hubble.Packets;

namespace Cilium.Hubble.Tests;

/// <summary>Builds captured packets for tests.</summary>
internal static class PacketBytes
{
    public static byte[] Tcp(string source, ushort sourcePort, string destination, ushort destinationPort, TcpFlags flags)
    {
        var tcp = new byte[20];
        BinaryPrimitives.WriteUInt16BigEndian(tcp, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(tcp.AsSpan(2), destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(tcp.AsSpan(12), (ushort)(0x5000 | (ushort)flags));
        return Ip(source, destination, 6, tcp);
    }

    public static byte[] Udp(string source, ushort sourcePort, string destination, ushort destinationPort)
    {
        var udp = new byte[8];
        BinaryPrimitives.WriteUInt16BigEndian(udp, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(2), destinationPort);
        return Ip(source, destination, 17, udp);
    }

    public static byte[] Icmp(string source, string destination, byte type, byte code) =>
        Ip(source, destination, (byte)(source.Contains(':', StringComparison.Ordinal) ? 58 : 1), [type, code, 0, 0, 0, 0, 0, 0]);

    public static byte[] Ip(string source, string destination, byte protocol, byte[] payload)
    {
        var from = IpAddr.Parse(source);
        var to = IpAddr.Parse(destination);
        byte[] header;
        if (from.IsIPv4)
        {
            header = new byte[20];
            header[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)(20 + payload.Length));
            header[8] = 64;
            header[9] = protocol;
            from.ToFamilyBytes().CopyTo(header, 12);
            to.ToFamilyBytes().CopyTo(header, 16);
        }
        else
        {
            header = new byte[40];
            header[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), (ushort)payload.Length);
            header[6] = protocol;
            header[7] = 64;
            from.ToFamilyBytes().CopyTo(header, 8);
            to.ToFamilyBytes().CopyTo(header, 24);
        }

        byte[] ethernet = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, .. from.IsIPv4 ? (byte[])[0x08, 0x00] : [0x86, 0xdd]];
        return [.. ethernet, .. header, .. payload];
    }
}
