using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Record = Cilium.Bpf.InProcess.Maps.RecordPool.Record;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>
/// A hash table of records. Finding takes no lock: a counter that is odd while a record is taken out tells a reader to look again.
/// Everything else is under the map's monitor.
/// </summary>
internal sealed unsafe class RecordTable
{
    private const int StepsBetweenChecks = 64;

    private readonly InProcessEngine _engine;
    private readonly int _keyBytes;
    private Record** _buckets;
    private uint _mask;
    private int _version;

    internal RecordTable(InProcessEngine engine, int keyBytes)
    {
        _engine = engine;
        _keyBytes = keyBytes;
        _mask = 15;
        _buckets = (Record**)NativeMemory.AllocZeroed(_mask + 1, (nuint)sizeof(Record*));
    }

    internal uint Count { get; private set; }

    internal long Bytes => ((long)_mask + 1) * sizeof(Record*);

    internal uint Hash(byte* key)
    {
        var length = _keyBytes;
        var hash = 0x9E3779B97F4A7C15UL ^ (uint)length;
        for (; length >= 8; length -= 8, key += 8)
            hash = Mix(hash ^ Unsafe.ReadUnaligned<ulong>(key));
        if (length >= 4)
        {
            hash = Mix(hash ^ Unsafe.ReadUnaligned<uint>(key));
            key += 4;
            length -= 4;
        }
        for (; length > 0; length--)
            hash = Mix(hash ^ *key++);
        return (uint)(hash ^ (hash >> 32));
    }

    /// <summary>The record with a key, or null. Any thread may ask at any time.</summary>
    internal Record* Find(byte* key, uint hash)
    {
        var spin = new SpinWait();
        while (true)
        {
            var version = Volatile.Read(ref _version);
            if ((version & 1) == 0)
            {
                // A reader that sees the new mask with the old buckets would look past them: the mask is read first and only grows.
                var mask = _mask;
                Volatile.ReadBarrier();
                var record = _buckets[hash & mask];
                var steps = 0;
                while (record != null && !(record->Hash == hash && Equal(RecordPool.KeyOf(record), key)))
                {
                    if (++steps % StepsBetweenChecks == 0 && Volatile.Read(ref _version) != version)
                        break;
                    record = record->Next;
                }
                Volatile.ReadBarrier();
                if (Volatile.Read(ref _version) == version)
                    return record;
            }
            spin.SpinOnce();
        }
    }

    /// <summary>Enters a record whose key and value are complete.</summary>
    internal void Insert(Record* record, uint hash)
    {
        record->Hash = hash;
        record->State = Record.Used;
        var bucket = &_buckets[hash & _mask];
        record->Next = *bucket;
        Volatile.Write(ref *(nint*)bucket, (nint)record);
        if (++Count > _mask + 1)
            Grow();
    }

    /// <summary>Puts a record in the place of another with the same key.</summary>
    internal void Replace(Record* old, Record* record)
    {
        record->Hash = old->Hash;
        record->State = Record.Used;
        record->Next = old->Next;
        var link = LinkTo(old);
        BeginChange();
        Volatile.Write(ref *(nint*)link, (nint)record);
        EndChange();
    }

    internal void Remove(Record* record)
    {
        var link = LinkTo(record);
        BeginChange();
        Volatile.Write(ref *(nint*)link, (nint)record->Next);
        EndChange();
        Count--;
    }

    internal void Free()
    {
        NativeMemory.Free(_buckets);
        _buckets = null;
        Count = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Equal(byte* a, byte* b) => new ReadOnlySpan<byte>(a, _keyBytes).SequenceEqual(new ReadOnlySpan<byte>(b, _keyBytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong value)
    {
        var high = Math.BigMul(value, 0xD6E8FEB86659FD93UL, out var low);
        return high ^ low;
    }

    private Record** LinkTo(Record* record)
    {
        var link = &_buckets[record->Hash & _mask];
        while (*link != record)
            link = &(*link)->Next;
        return link;
    }

    private void Grow()
    {
        var size = (_mask + 1) * 2;
        var larger = (Record**)NativeMemory.AllocZeroed(size, (nuint)sizeof(Record*));
        var old = _buckets;
        BeginChange();
        for (var i = 0u; i <= _mask; i++)
        {
            for (var record = old[i]; record != null;)
            {
                var next = record->Next;
                record->Next = larger[record->Hash & (size - 1)];
                larger[record->Hash & (size - 1)] = record;
                record = next;
            }
        }
        _buckets = larger;
        Volatile.WriteBarrier();
        _mask = size - 1;
        EndChange();
        _engine.Retirement.Retire(() => NativeMemory.Free(old));
    }

    private void BeginChange()
    {
        Volatile.Write(ref _version, _version + 1);
        Interlocked.MemoryBarrier();
    }

    private void EndChange() => Volatile.Write(ref _version, _version + 1);
}
