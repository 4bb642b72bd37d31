using System.Runtime.CompilerServices;
using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>Bytes and size of a packet of an XDP program.</summary>
internal static unsafe class XdpCalls
{
    /// <summary>No byte of a frame is beyond, whatever its length (Linux 6.18 net/core/filter.c, bpf_xdp_pointer).</summary>
    private const uint LargestOffset = 0xFFFF;

    internal static ulong AdjustHead(Machine m, ulong context, ulong delta, ulong c, ulong d, ulong e)
    {
        if (!SkbCalls.PacketOf(m, context).MoveXdpStart((int)delta))
            return unchecked((ulong)-Errno.Invalid);
        m.PacketChanged();
        return 0;
    }

    internal static ulong AdjustMeta(Machine m, ulong context, ulong delta, ulong c, ulong d, ulong e)
    {
        var result = SkbCalls.PacketOf(m, context).MoveMetadata((int)delta);
        m.PacketChanged();
        return (ulong)(long)result;
    }

    internal static ulong AdjustTail(Machine m, ulong context, ulong delta, ulong c, ulong d, ulong e)
    {
        if (!SkbCalls.PacketOf(m, context).MoveXdpEnd((int)delta))
            return unchecked((ulong)-Errno.Invalid);
        m.PacketChanged();
        return 0;
    }

    internal static ulong Length(Machine m, ulong context, ulong b, ulong c, ulong d, ulong e) => (ulong)SkbCalls.PacketOf(m, context).Length;

    internal static ulong Load(Machine m, ulong context, ulong offset, ulong to, ulong length, ulong e)
    {
        var packet = SkbCalls.PacketOf(m, context);
        var place = m.Write(to, (uint)length, 3);
        var result = Check(packet, (uint)offset, (uint)length);
        if (result == 0)
            Unsafe.CopyBlockUnaligned(place, packet.Data + (uint)offset, (uint)length);
        return (ulong)(long)result;
    }

    internal static ulong Store(Machine m, ulong context, ulong offset, ulong from, ulong length, ulong e)
    {
        var packet = SkbCalls.PacketOf(m, context);
        var place = m.Read(from, (uint)length, 3);
        var result = Check(packet, (uint)offset, (uint)length);
        if (result == 0)
            Unsafe.CopyBlockUnaligned(packet.Data + (uint)offset, place, (uint)length);
        return (ulong)(long)result;
    }

    private static int Check(BpfPacket packet, uint offset, uint length) =>
        offset > LargestOffset || length > LargestOffset ? -Errno.Fault : offset + length > (uint)packet.Length ? -Errno.Invalid : 0;
}
