using System.Runtime.CompilerServices;
using Cilium.Bpf.InProcess.Contexts;
using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>Bytes and size of a packet of a classifier. All of a packet is one piece of memory, as after <c>bpf_skb_pull_data</c>.</summary>
internal static unsafe class SkbCalls
{
    private const ulong RecomputeChecksum = 1;
    private const ulong InvalidateHash = 2;
    private const int EthernetBytes = 14;
    private const int LoopbackMaximum = 65536 + EthernetBytes;
    private const uint OtherHost = 3;

    internal static ulong Load(Machine m, ulong context, ulong offset, ulong to, ulong length, ulong e)
    {
        var packet = PacketOf(m, context);
        var bytes = (uint)length;
        var place = m.Write(to, bytes, 3);
        if ((uint)offset <= int.MaxValue && (uint)offset + (ulong)bytes <= (uint)packet.Length)
        {
            Unsafe.CopyBlockUnaligned(place, packet.Data + (uint)offset, bytes);
            return 0;
        }
        new Span<byte>(place, (int)bytes).Clear();
        return unchecked((ulong)-Errno.Fault);
    }

    internal static ulong Store(Machine m, ulong context, ulong offset, ulong from, ulong length, ulong flags)
    {
        var packet = PacketOf(m, context);
        var bytes = (uint)length;
        var place = m.Read(from, bytes, 3);
        if ((flags & ~(RecomputeChecksum | InvalidateHash)) != 0)
            return unchecked((ulong)-Errno.Invalid);
        if ((uint)offset > int.MaxValue || (uint)offset + (ulong)bytes > (uint)packet.Length)
            return unchecked((ulong)-Errno.Fault);
        Unsafe.CopyBlockUnaligned(packet.Data + (uint)offset, place, bytes);
        if ((flags & InvalidateHash) != 0)
            packet.U32(SkbFields.Hash) = 0;
        return 0;
    }

    internal static ulong Pull(Machine m, ulong context, ulong length, ulong c, ulong d, ulong e) =>
        (uint)length <= (uint)PacketOf(m, context).Length ? 0 : unchecked((ulong)-Errno.NoMemory);

    internal static ulong ChangeType(Machine m, ulong context, ulong type, ulong c, ulong d, ulong e)
    {
        var packet = PacketOf(m, context);
        if (packet.PacketType > OtherHost || (uint)type > OtherHost)
            return unchecked((ulong)-Errno.Invalid);
        packet.PacketType = (uint)type;
        return 0;
    }

    internal static ulong ChangeTail(Machine m, ulong context, ulong length, ulong flags, ulong d, ulong e)
    {
        var packet = PacketOf(m, context);
        if (flags != 0 || (uint)length > LoopbackMaximum || (uint)length < EthernetBytes)
            return unchecked((ulong)-Errno.Invalid);
        packet.Resize((int)length);
        (packet.GsoSize, packet.GsoSegments) = (0, 0);
        m.PacketChanged();
        return 0;
    }

    internal static ulong ChangeHead(Machine m, ulong context, ulong room, ulong flags, ulong d, ulong e)
    {
        var packet = PacketOf(m, context);
        if (flags != 0 || (uint)room > LoopbackMaximum || (packet.GsoSize == 0 && (uint)packet.Length + (ulong)(uint)room > LoopbackMaximum))
            return unchecked((ulong)-Errno.Invalid);
        if (!packet.MoveStart(-(int)room))
            return unchecked((ulong)-Errno.NoMemory);
        m.PacketChanged();
        return 0;
    }

    internal static ulong Hash(Machine m, ulong context, ulong b, ulong c, ulong d, ulong e)
    {
        var packet = PacketOf(m, context);
        ref var hash = ref packet.U32(SkbFields.Hash);
        if (hash == 0)
            hash = FlowHash.Of(packet.Bytes);
        return hash;
    }

    internal static ulong ForgetHash(Machine m, ulong context, ulong b, ulong c, ulong d, ulong e)
    {
        PacketOf(m, context).U32(SkbFields.Hash) = 0;
        return 0;
    }

    internal static BpfPacket PacketOf(Machine m, ulong context)
    {
        if (context != Address.Of(Address.Context, 0) || m.Packet is not { } packet)
        {
            m.Fault(1, "not the context of a packet");
            return null;
        }
        return packet;
    }
}
