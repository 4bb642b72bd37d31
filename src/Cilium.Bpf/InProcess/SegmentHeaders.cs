using System.Buffers.Binary;

namespace Cilium.Bpf.InProcess.Contexts;

/// <summary>What each segment of a packet that is to be segmented repeats: network and transport header, without extension headers of IPv6.</summary>
internal static class SegmentHeaders
{
    internal const byte Tcp = 6;
    private const byte Udp = 17;
    private const int IPv4Bytes = 20;
    private const int IPv6Bytes = 40;
    private const int TcpBytes = 20;
    private const int UdpBytes = 8;

    /// <summary>Reads from the network header on; false for what is neither TCP nor UDP.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> network, out int bytes, out byte protocol)
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
        if (protocol == Udp && network.Length >= bytes + UdpBytes)
        {
            bytes += UdpBytes;
            return true;
        }
        if (protocol != Tcp || network.Length < bytes + TcpBytes)
            return false;
        bytes += BinaryPrimitives.ReadUInt16BigEndian(network[(bytes + 12)..]) >> 12 << 2;
        return true;
    }
}
