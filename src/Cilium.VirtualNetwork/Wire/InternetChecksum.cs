using System.Buffers.Binary;
using Cilium.Core;

namespace Cilium.VirtualNetwork.Wire;

/// <summary>The ones' complement sum of the internet protocols. Source: RFC 1071.</summary>
internal static class InternetChecksum
{
    internal static uint Sum(ReadOnlySpan<byte> bytes, uint sum = 0)
    {
        ulong total = sum;
        while (bytes.Length > 1)
        {
            total += BinaryPrimitives.ReadUInt16BigEndian(bytes);
            bytes = bytes[2..];
        }
        if (bytes.Length == 1)
            total += (uint)bytes[0] << 8;
        while (total >> 32 != 0)
            total = (total & uint.MaxValue) + (total >> 32);
        return (uint)total;
    }

    internal static ushort Fold(uint sum)
    {
        while (sum >> 16 != 0)
            sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~sum;
    }

    /// <summary>The sum of the pseudo header (RFC 768, RFC 8200 section 8.1).</summary>
    internal static uint Pseudo(IpAddr source, IpAddr destination, byte protocol, int bytes)
    {
        Span<byte> both = stackalloc byte[32];
        source.WriteNetworkBytes(both);
        destination.WriteNetworkBytes(both[16..]);
        // The words that IPv4 addresses have before them in 128 bits are none of theirs.
        var sum = source.IsIPv4 ? Sum(both[12..16], Sum(both[28..])) : Sum(both);
        return sum + protocol + (uint)bytes;
    }
}
