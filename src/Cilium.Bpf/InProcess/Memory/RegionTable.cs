using System.Runtime.ConstrainedExecution;

namespace Cilium.Bpf.InProcess.Memory;

/// <summary>
/// The regions of an engine by number, in one table per virtual CPU: the first regions differ (see <see cref="Address"/>), the others
/// are the same in all. Tables never move. Safe for use from many threads.
/// </summary>
internal sealed unsafe class RegionTable : CriticalFinalizerObject
{
    /// <summary>Regions of the machine itself: packet, handles, context, frames of the stack, records of ring buffers, sockets.</summary>
    internal const int OwnRegions = 64;

    internal const int Capacity = 1 << 18;

    /// <summary>An address shifted right by this and masked is the place of its region in the table, in bytes.</summary>
    internal const int Shift = 27;

    internal const ulong Mask = (ulong)(Capacity - 1) * Region.Bytes;

    private readonly Dictionary<int, Stack<int>> _free = [];
    private readonly nint[] _tables;
    private int _next = OwnRegions;

    internal RegionTable(int cpus)
    {
        _tables = new nint[cpus];
        foreach (ref var table in _tables.AsSpan())
            table = (nint)ZeroedMemory.Take(Capacity * Region.Bytes);
    }

    // Critical, so that it comes after the finalizers of the maps that still write here.
    ~RegionTable()
    {
        foreach (var table in _tables)
            ZeroedMemory.Free((byte*)table, Capacity * Region.Bytes);
    }

    /// <summary>The table of a CPU.</summary>
    internal Region* Of(int cpu) => (Region*)_tables[cpu];

    /// <summary>Takes consecutive numbers. Returns the first.</summary>
    /// <exception cref="InvalidOperationException">All are taken.</exception>
    internal int Take(int count)
    {
        lock (_free)
        {
            if (_free.TryGetValue(count, out var released) && released.TryPop(out var first))
                return first;
            if (_next + count > Capacity)
                throw new InvalidOperationException("the engine has no room for more maps");
            _next += count;
            return _next - count;
        }
    }

    internal void Set(int number, in Region region)
    {
        foreach (var table in _tables)
            ((Region*)table)[number] = region;
    }

    internal void Release(int first, int count)
    {
        for (var i = 0; i < count; i++)
            Set(first + i, default);
        lock (_free)
        {
            if (!_free.TryGetValue(count, out var released))
                _free[count] = released = new Stack<int>();
            released.Push(first);
        }
    }
}
