using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>
/// A map of an engine of this process. Programs look up without a lock and get addresses that stay valid memory for the run; writers
/// and readers outside of programs hold the storage's monitor. Results below zero are negated error numbers, as the kernel's.
/// </summary>
internal abstract unsafe class MapStorage
{
    /// <summary>The writer is user space, not a program on a CPU.</summary>
    internal const int UserSpace = -1;

    private int _references = 1;

    private protected MapStorage(InProcessEngine engine, string name, MapShape shape)
    {
        Engine = engine;
        Name = name;
        Shape = shape;
        KeyBytes = shape.KeyBytes;
        ValueBytes = shape.ValueBytes;
        Cpus = shape.IsPerCpu ? engine.Cpus : 1;
        CpuStride = shape.IsPerCpu ? (shape.ValueBytes + 7) & ~7 : shape.ValueBytes;
        Id = engine.Maps.Add(this);
    }

    internal InProcessEngine Engine { get; }

    internal string Name { get; }

    /// <summary>The number under which the engine knows it; never given twice while a program might hold it.</summary>
    internal uint Id { get; }

    internal MapShape Shape { get; }

    internal readonly int KeyBytes;

    internal readonly int ValueBytes;

    internal readonly int Cpus;

    /// <summary>Bytes from one CPU's value to the next, as user space exchanges them.</summary>
    internal readonly int CpuStride;

    /// <summary>Bytes of all values of a key, as user space exchanges them.</summary>
    internal int ExchangeBytes => Cpus == 1 ? CpuStride : CpuStride * Cpus;

    internal ulong Handle => Address.Of(Address.Maps, Id);

    /// <summary>Entries there are; of an array, all.</summary>
    internal abstract long Entries { get; }

    /// <summary>Bytes of native memory that are held for entries, free ones included.</summary>
    internal abstract long Bytes { get; }

    /// <summary>The address of the value for a program on a CPU, or zero.</summary>
    internal abstract ulong Find(byte* key, int cpu);

    /// <summary>Writes; a program's value is for its CPU, user space gives those of all.</summary>
    internal abstract int Update(byte* key, byte* value, ulong flags, int cpu);

    internal abstract int Delete(byte* key);

    /// <summary>Copies the values of all CPUs.</summary>
    internal abstract int Copy(byte* key, byte* value);

    internal abstract int NextKey(byte* key, byte* next);

    internal virtual int CopyAndDelete(byte* key, byte* value) => -Errno.NotSupported;

    /// <summary>Copies entries from a position on, which is a number of eight bytes that the storage understands.</summary>
    internal virtual int CopyBatch(ulong position, ulong* next, byte* keys, byte* values, uint* count)
    {
        *count = 0;
        return -Errno.NotSupported;
    }

    /// <summary>Frees the memory. No program can look at it any more.</summary>
    private protected abstract void Free();

    /// <summary>What happens when nobody holds the map, before the memory is freed.</summary>
    private protected virtual void LetGo()
    {
    }

    /// <summary>Takes one more reference; false when the last one is gone already.</summary>
    internal bool TryHold()
    {
        for (var seen = Volatile.Read(ref _references); seen > 0; seen = Volatile.Read(ref _references))
        {
            if (Interlocked.CompareExchange(ref _references, seen + 1, seen) == seen)
                return true;
        }
        return false;
    }

    internal void Release()
    {
        if (Interlocked.Decrement(ref _references) != 0)
            return;
        LetGo();
        Engine.Retirement.Retire(() =>
        {
            Engine.Maps.Remove(Id);
            Free();
        });
    }
}
