using System.Runtime.ConstrainedExecution;
using System.Runtime.InteropServices;

namespace Cilium.Bpf.InProcess.Memory;

/// <summary>
/// All regions of an engine by number. The first belong to whoever runs a program (see <see cref="Machine"/>); the others are shared.
/// The table never moves. Safe for use from many threads.
/// </summary>
internal sealed unsafe class RegionTable : CriticalFinalizerObject
{
    /// <summary>Regions of the machine itself: packet, handles, context, frames of the stack, records of ring buffers.</summary>
    internal const int OwnRegions = 32;

    internal const int Capacity = 1 << 18;

    private readonly Dictionary<int, Stack<int>> _free = [];
    private int _next = OwnRegions;

    internal RegionTable() => Entries = (Region*)NativeMemory.AllocZeroed(Capacity, Region.Bytes);

    // Critical, so that it comes after the finalizers of the maps that still write here.
    ~RegionTable() => NativeMemory.Free(Entries);

    internal Region* Entries { get; }

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

    internal void Release(int first, int count)
    {
        new Span<Region>(Entries + first, count).Clear();
        lock (_free)
        {
            if (!_free.TryGetValue(count, out var released))
                _free[count] = released = new Stack<int>();
            released.Push(first);
        }
    }
}
