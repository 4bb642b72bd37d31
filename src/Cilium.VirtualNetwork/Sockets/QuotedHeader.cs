using System.Buffers.Binary;
using Cilium.Core;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork.Sockets;

/// <summary>The beginning of a packet as an ICMP error quotes it.</summary>
internal static class QuotedHeader
{
    private const byte Fragment = 44;

    /// <summary>Reads both ends; of an echo the id stands in place of the destination's port. False when too little is quoted.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> frame, bool isIPv4, out byte protocol, out Endpoint from, out Endpoint to)
    {
        (protocol, from, to) = (0, default, default);
        var ip = frame[IpPacket.EthernetBytes..];
        var header = isIPv4 ? 20 : 40;
        if (ip.Length < header)
            return false;
        if (isIPv4)
            header = Math.Max(header, (ip[0] & 0xF) * 4);
        protocol = isIPv4 ? ip[9] : ip[6];
        while (!isIPv4 && protocol is 0 or 43 or Fragment or 60)
        {
            if (ip.Length < header + 8)
                return false;
            // Behind the header of any but the first fragment is the middle of something.
            if (protocol == Fragment && BinaryPrimitives.ReadUInt16BigEndian(ip[(header + 2)..]) >= 8)
                return false;
            (protocol, header) = (ip[header], header + (protocol == Fragment ? 8 : (ip[header + 1] + 1) * 8));
        }
        if (ip.Length < header + 8)
            return false;
        var (at, bytes) = isIPv4 ? (12, 4) : (8, 16);
        var isEcho = protocol is FrameWriter.Icmp or FrameWriter.IcmpV6;
        var first = BinaryPrimitives.ReadUInt16BigEndian(ip[header..]);
        var second = BinaryPrimitives.ReadUInt16BigEndian(ip[(header + (isEcho ? 4 : 2))..]);
        from = new Endpoint(IpAddr.FromNetworkBytes(ip.Slice(at, bytes)), isEcho ? (ushort)0 : first);
        to = new Endpoint(IpAddr.FromNetworkBytes(ip.Slice(at + bytes, bytes)), second);
        return true;
    }
}
