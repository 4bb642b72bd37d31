using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>
/// A ring buffer. Its memory is twice its size, so that a record that begins near the end lies in one piece; the reader finds it where
/// the writer put it.
/// </summary>
internal sealed unsafe class RingStorage : MapStorage
{
    internal const int HeaderBytes = 8;
    private const uint BusyBit = 1u << 31;
    private const uint DiscardBit = 1u << 30;
    private const ulong NoWakeUp = 1;
    private const ulong ForceWakeUp = 2;
    private const int PageBytes = 4096;

    private readonly Lock _lock = new();
    private readonly ulong _mask;
    private byte* _memory;

    internal RingStorage(InProcessEngine engine, string name, MapShape shape)
        : base(engine, name, shape)
    {
        _mask = shape.MaxEntries - 1;
        _memory = ZeroedMemory.Take((nuint)Bytes);
    }

    internal SemaphoreSlim Wakeups { get; } = new(0, 1);

    internal nint Consumer => (nint)_memory;

    internal nint Producer => (nint)_memory + PageBytes;

    internal nint Data => (nint)_memory + (2 * PageBytes);

    /// <summary>Reserves a record. Returns its header, or null when there is no room.</summary>
    internal byte* Reserve(ulong bytes)
    {
        var whole = (bytes + HeaderBytes + 7) & ~7UL;
        if (bytes >= BusyBit / 4 || whole > _mask)
            return null;
        lock (_lock)
        {
            var position = *(ulong*)Producer;
            if (position + whole - Volatile.Read(ref *(ulong*)Consumer) > _mask)
                return null;
            var header = (byte*)Data + (nint)(position & _mask);
            *(uint*)header = (uint)bytes | BusyBit;
            *(uint*)(header + 4) = (uint)((nint)header - Data) >> 12;
            Volatile.Write(ref *(ulong*)Producer, position + whole);
            return header;
        }
    }

    internal void Commit(byte* header, ulong flags, bool discard)
    {
        var position = (ulong)((nint)header - Data);
        var length = *(uint*)header & ~BusyBit;
        Interlocked.Exchange(ref *(int*)header, (int)(length | (discard ? DiscardBit : 0)));
        if ((flags & ForceWakeUp) != 0 || ((flags & NoWakeUp) == 0 && (Volatile.Read(ref *(ulong*)Consumer) & _mask) == position))
            Wake();
    }

    internal ulong Query(ulong what) => what switch
    {
        0 => Volatile.Read(ref *(ulong*)Producer) - Volatile.Read(ref *(ulong*)Consumer),
        1 => Shape.MaxEntries,
        2 => Volatile.Read(ref *(ulong*)Consumer),
        3 => Volatile.Read(ref *(ulong*)Producer),
        _ => 0,
    };

    internal override long Entries => 0;

    internal override long Bytes => (2 * (long)Shape.MaxEntries) + (2 * PageBytes);

    internal override ulong Find(byte* key, int cpu) => 0;

    internal override int Update(byte* key, byte* value, ulong flags, int cpu) => -Errno.NotSupported;

    internal override int Delete(byte* key) => -Errno.NotSupported;

    internal override int Copy(byte* key, byte* value) => -Errno.NotSupported;

    internal override int NextKey(byte* key, byte* next) => -Errno.NotSupported;

    private protected override void Free()
    {
        ZeroedMemory.Free(_memory, (nuint)Bytes);
        _memory = null;
        Wakeups.Dispose();
    }

    /// <summary>Ends the reader's sleep, or its next one.</summary>
    internal void Wake()
    {
        lock (_lock)
        {
            if (Wakeups.CurrentCount == 0)
                Wakeups.Release();
        }
    }
}
