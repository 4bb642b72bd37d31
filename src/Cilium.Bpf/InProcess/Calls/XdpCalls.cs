using System.Runtime.CompilerServices;
using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>Bytes and size of a packet of an XDP program.</summary>
internal static unsafe class XdpCalls
{
    private const int EthernetBytes = 14;

    internal static ulong AdjustHead(Machine m, ulong context, ulong delta, ulong c, ulong d, ulong e)
    {
        var packet = SkbCalls.PacketOf(m, context);
        if (!packet.MoveStart((int)delta))
            return unchecked((ulong)-Errno.Invalid);
        m.PacketChanged();
        return 0;
    }

    internal static ulong AdjustTail(Machine m, ulong context, ulong delta, ulong c, ulong d, ulong e)
    {
        var packet = SkbCalls.PacketOf(m, context);
        var length = packet.Length + (long)(int)delta;
        if (length is < EthernetBytes or > BpfPacket.MaximumBytes)
            return unchecked((ulong)-Errno.Invalid);
        packet.Resize((int)length);
        m.PacketChanged();
        return 0;
    }

    internal static ulong Load(Machine m, ulong context, ulong offset, ulong to, ulong length, ulong e)
    {
        var packet = SkbCalls.PacketOf(m, context);
        var place = m.Write(to, (uint)length, 3);
        if ((uint)offset + (ulong)(uint)length > (uint)packet.Length)
            return unchecked((ulong)-Errno.Invalid);
        Unsafe.CopyBlockUnaligned(place, packet.Data + (uint)offset, (uint)length);
        return 0;
    }

    internal static ulong Store(Machine m, ulong context, ulong offset, ulong from, ulong length, ulong e)
    {
        var packet = SkbCalls.PacketOf(m, context);
        var place = m.Read(from, (uint)length, 3);
        if ((uint)offset + (ulong)(uint)length > (uint)packet.Length)
            return unchecked((ulong)-Errno.Invalid);
        Unsafe.CopyBlockUnaligned(packet.Data + (uint)offset, place, (uint)length);
        return 0;
    }
}
