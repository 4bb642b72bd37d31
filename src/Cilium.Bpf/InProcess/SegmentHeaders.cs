using System.Buffers.Binary;

namespace Cilium.Bpf.InProcess;

/// <summary>What each segment of a packet that is to be segmented repeats: the headers from the network header to that of TCP or UDP.</summary>
public static class SegmentHeaders
{
    internal const byte Tcp = 6;
    private const byte Udp = 17;
    private const int IPv4Bytes = 20;
    private const int IPv6Bytes = 40;
    private const int TcpBytes = 20;
    private const int UdpBytes = 8;

    /// <summary>Reads the headers of a packet, extension headers of IPv6 included.</summary>
    /// <param name="network">The packet from its network header on.</param>
    /// <param name="bytes">Their length. The packet may end within the options of TCP.</param>
    /// <param name="protocol">6 or 17.</param>
    /// <returns>False for what is neither TCP nor UDP, or ends before its ports do.</returns>
    public static bool TryRead(ReadOnlySpan<byte> network, out int bytes, out byte protocol)
    {
        (bytes, protocol) = (0, 0);
        if (network.Length < IPv4Bytes)
            return false;
        if (network[0] >> 4 == 4)
            (bytes, protocol) = ((network[0] & 0xF) * 4, network[9]);
        else if (network[0] >> 4 == 6 && network.Length >= IPv6Bytes)
            (bytes, protocol) = (IPv6Bytes, network[6]);
        else
            return false;
        while (network[0] >> 4 == 6 && protocol is 0 or 43 or 60)
        {
            if (network.Length < bytes + 8)
                return false;
            (protocol, bytes) = (network[bytes], bytes + ((network[bytes + 1] + 1) * 8));
        }
        if (protocol == Udp && network.Length >= bytes + UdpBytes)
        {
            bytes += UdpBytes;
            return true;
        }
        if (protocol != Tcp || network.Length < bytes + TcpBytes)
            return false;
        var header = BinaryPrimitives.ReadUInt16BigEndian(network[(bytes + 12)..]) >> 12 << 2;
        bytes += header;
        return header >= TcpBytes;
    }
}
