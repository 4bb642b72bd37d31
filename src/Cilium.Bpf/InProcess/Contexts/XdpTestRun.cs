using System.Buffers.Binary;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Contexts;

/// <summary>
/// What <c>BPF_PROG_TEST_RUN</c> takes and gives for an XDP program: the data begins with what is said about the frame, and the context
/// (<c>struct xdp_md</c>) tells where the frame begins and ends in it. Source: Linux 6.18 net/bpf/test_run.c.
/// </summary>
internal static class XdpTestRun
{
    private const int LargestMetadata = 216;
    private const uint Loopback = 1;

    /// <summary>Loads the packet. Returns zero or a negated error number.</summary>
    internal static int Load(BpfPacket packet, ReadOnlySpan<byte> data, ReadOnlySpan<byte> context)
    {
        Span<byte> given = stackalloc byte[SkbFields.XdpBytes];
        given.Clear();
        if (context.Length > given.Length && context[given.Length..].ContainsAnyExcept((byte)0))
            return -Errno.TooBig;
        context[..Math.Min(context.Length, given.Length)].CopyTo(given);
        var (begin, end) = context.IsEmpty ? (0u, (uint)data.Length) : (Field(given, SkbFields.XdpData), Field(given, SkbFields.XdpDataEnd));
        var (ifindex, queue) = (Field(given, SkbFields.XdpIngressIfindex), Field(given, SkbFields.XdpRxQueue));
        if (Field(given, SkbFields.XdpDataMeta) != 0 || end > (uint)data.Length || begin > end || begin % sizeof(uint) != 0 || begin > LargestMetadata
            || Field(given, SkbFields.XdpEgressIfindex) != 0 || (ifindex == 0 && queue != 0))
        {
            return -Errno.Invalid;
        }
        // What lies behind the end would be a second piece of the frame.
        if (end != (uint)data.Length)
            return -Errno.OpNotSupported;
        packet.Load(data[(int)begin..]);
        packet.Say(data[..(int)begin]);
        packet.Ifindex = packet.IngressIfindex = ifindex == 0 ? Loopback : ifindex;
        packet.RxQueue = queue;
        return 0;
    }

    internal static void WriteContext(BpfPacket packet, Span<byte> context)
    {
        Put(SkbFields.XdpData, packet.MetadataBytes, context);
        Put(SkbFields.XdpDataEnd, packet.MetadataBytes + packet.Length, context);
    }

    private static uint Field(ReadOnlySpan<byte> context, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(context[offset..]);

    private static void Put(int offset, int value, Span<byte> context)
    {
        if (offset + sizeof(uint) <= context.Length)
            BinaryPrimitives.WriteInt32LittleEndian(context[offset..], value);
    }
}
