using Cilium.Bpf.InProcess.Maps;
using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>Ring buffers, from programs.</summary>
internal static unsafe class RingCalls
{
    private const ulong WakeFlags = 3;

    internal static ulong Reserve(Machine m, ulong map, ulong bytes, ulong flags, ulong d, ulong e)
    {
        var ring = RingOf(m, map);
        var header = flags == 0 ? ring.Reserve(bytes) : null;
        return header == null ? 0 : m.OpenRecord(ring, header, (uint)bytes);
    }

    internal static ulong Submit(Machine m, ulong record, ulong flags, ulong c, ulong d, ulong e)
    {
        m.CloseRecord(record, flags, discard: false);
        return 0;
    }

    internal static ulong Discard(Machine m, ulong record, ulong flags, ulong c, ulong d, ulong e)
    {
        m.CloseRecord(record, flags, discard: true);
        return 0;
    }

    internal static ulong Output(Machine m, ulong map, ulong data, ulong bytes, ulong flags, ulong e)
    {
        var ring = RingOf(m, map);
        var place = m.Read(data, (uint)bytes, 2);
        if ((flags & ~WakeFlags) != 0)
            return unchecked((ulong)-Errno.Invalid);
        var header = ring.Reserve((uint)bytes);
        if (header == null)
            return unchecked((ulong)-Errno.Again);
        Buffer.MemoryCopy(place, header + RingStorage.HeaderBytes, (uint)bytes, (uint)bytes);
        ring.Commit(header, flags, discard: false);
        return 0;
    }

    internal static ulong Query(Machine m, ulong map, ulong what, ulong c, ulong d, ulong e) => RingOf(m, map).Query(what);

    private static RingStorage RingOf(Machine m, ulong map)
    {
        if (m.Map(map, 1) is RingStorage ring)
            return ring;
        m.Fault(1, "not a ring buffer");
        return null;
    }
}
