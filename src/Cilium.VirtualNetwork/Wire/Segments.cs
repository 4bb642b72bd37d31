using Cilium.Bpf.InProcess;

namespace Cilium.VirtualNetwork.Wire;

/// <summary>Frames that stand for several of the same headers (GSO).</summary>
internal static class Segments
{
    /// <summary>For how many packets a frame stands that have so many bytes of payload each, the last one the rest.</summary>
    /// <exception cref="ArgumentException">It is no whole packet of TCP or UDP with payload.</exception>
    internal static int Count(ReadOnlySpan<byte> frame, int gsoSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(gsoSize);
        if (!IpPacket.TryRead(frame, out var ip) || ip.IsFragment)
            throw new ArgumentException("only a whole packet is segmented", nameof(frame));
        if (!SegmentHeaders.TryRead(frame.Slice(IpPacket.EthernetBytes, ip.Length), out var header, out _))
            throw new ArgumentException("only payload of TCP and UDP is segmented", nameof(frame));
        if (header >= ip.Length)
            throw new ArgumentException("the packet ends within its header", nameof(frame));
        return (ip.Length - header + gsoSize - 1) / gsoSize;
    }
}
