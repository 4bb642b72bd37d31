using System.Buffers.Binary;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>
/// A number for the flow of a packet: addresses, protocol and ports, the same in both directions and never zero. The kernel's differs
/// from boot to boot.
/// </summary>
internal static class FlowHash
{
    private const int EthernetBytes = 14;

    internal static uint Of(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < EthernetBytes)
            return 1;
        var payload = frame[EthernetBytes..];
        return BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) switch
        {
            0x0800 when payload.Length >= 20 => Ends(payload.Slice(12, 4), payload.Slice(16, 4), payload[9], payload[Math.Min(payload.Length, (payload[0] & 15) * 4)..]),
            0x86DD when payload.Length >= 40 => Ends(payload.Slice(8, 16), payload.Slice(24, 16), payload[6], payload[40..]),
            _ => Add(1, frame[..EthernetBytes]) | 1,
        };
    }

    private static uint Ends(ReadOnlySpan<byte> source, ReadOnlySpan<byte> destination, byte protocol, ReadOnlySpan<byte> l4)
    {
        var hasPorts = protocol is 6 or 17 or 132 && l4.Length >= 4;
        var from = Add(7, source);
        var to = Add(7, destination);
        if (hasPorts)
        {
            from = Add(from, l4[..2]);
            to = Add(to, l4.Slice(2, 2));
        }
        var hash = ((Math.Min(from, to) * 0x9E3779B1u) ^ Math.Max(from, to)) * 0x85EBCA6Bu;
        hash ^= protocol;
        return (hash ^ (hash >> 15)) | 1;
    }

    private static uint Add(uint hash, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
            hash = (hash ^ value) * 16777619;
        return hash;
    }
}
