using System.Numerics;
using System.Runtime.InteropServices;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>
/// Records of a map in chunks that double in size and never move. A record has a header, room for a key, and the values of all CPUs.
/// Taking and giving back is under the map's monitor.
/// </summary>
internal sealed unsafe class RecordPool
{
    /// <summary>Bytes before the key.</summary>
    internal const int HeaderBytes = 24;

    private const int FirstChunk = 32;

    private readonly InProcessEngine _engine;
    private readonly List<Chunk> _chunks = [];
    private readonly int _stride;
    private readonly int _valueOffset;
    private readonly int _valueStride;
    private readonly int _valueBytes;
    private readonly int _cpus;
    private readonly bool _isWritable;
    private Record* _free;

    internal RecordPool(InProcessEngine engine, int keyBytes, int valueBytes, int cpus, bool isWritable)
    {
        _engine = engine;
        _valueOffset = HeaderBytes + ((keyBytes + 7) & ~7);
        _valueBytes = valueBytes;
        _valueStride = (valueBytes + 7) & ~7;
        _cpus = cpus;
        _isWritable = isWritable;
        _stride = (int)BitOperations.RoundUpToPowerOf2((uint)(_valueOffset + (_valueStride * cpus)));
    }

    /// <summary>The header of a record; the key follows.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Record
    {
        /// <summary>The next record in the bucket or in the list of free ones.</summary>
        internal Record* Next;

        internal uint Hash;

        /// <summary>See the constants.</summary>
        internal uint State;

        /// <summary>The address of CPU 0's value; that of CPU n is n regions further.</summary>
        internal ulong Value;

        internal const uint Used = 1;

        /// <summary>A program looked at it since the hand of the clock came by.</summary>
        internal const uint Referenced = 2;
    }

    private readonly record struct Chunk(nint Memory, int Records, int FirstRegion);

    /// <summary>Records there are, free ones included.</summary>
    internal uint Count { get; private set; }

    /// <summary>Bytes of all chunks.</summary>
    internal long Bytes => (long)Count * _stride;

    internal static byte* KeyOf(Record* record) => (byte*)record + HeaderBytes;

    internal byte* ValueOf(Record* record, int cpu = 0) => (byte*)record + _valueOffset + (cpu * _valueStride);

    /// <summary>A record that is not in use.</summary>
    internal Record* Take()
    {
        if (_free == null)
            Grow();
        var record = _free;
        _free = record->Next;
        return record;
    }

    internal void GiveBack(Record* record)
    {
        record->State = 0;
        record->Next = _free;
        _free = record;
    }

    /// <summary>The record at a place, used or not.</summary>
    internal Record* At(uint slot)
    {
        var chunk = BitOperations.Log2((slot / FirstChunk) + 1);
        var first = ((1u << chunk) - 1) * FirstChunk;
        return (Record*)((byte*)_chunks[chunk].Memory + ((long)(slot - first) * _stride));
    }

    /// <summary>The first record in use from a place on, which becomes its; null, and the place behind the last, when there is none.</summary>
    internal Record* NextUsed(ref uint slot)
    {
        for (; slot < Count; slot++)
        {
            var record = At(slot);
            if ((record->State & Record.Used) != 0)
                return record;
        }
        return null;
    }

    /// <summary>The place of a record.</summary>
    internal uint SlotOf(Record* record)
    {
        var region = (int)Address.RegionOf(record->Value);
        var first = 0u;
        foreach (var chunk in _chunks)
        {
            if (chunk.FirstRegion == region)
                return first + ((uint)record->Value / (uint)_stride);
            first += (uint)chunk.Records;
        }
        throw new InvalidOperationException("a record of another map");
    }

    /// <summary>Frees all chunks.</summary>
    internal void Free()
    {
        foreach (var chunk in _chunks)
        {
            _engine.Regions.Release(chunk.FirstRegion, _cpus);
            NativeMemory.Free((void*)chunk.Memory);
        }
        _chunks.Clear();
        _free = null;
        Count = 0;
    }

    private void Grow()
    {
        var records = FirstChunk << _chunks.Count;
        if ((long)records * _stride > int.MaxValue)
            throw new InvalidOperationException("a map has outgrown what the engine can hold");
        var memory = (byte*)NativeMemory.AllocZeroed((nuint)records, (nuint)_stride);
        var region = _engine.Regions.Take(_cpus);
        for (var cpu = 0; cpu < _cpus; cpu++)
        {
            var length = (uint)(((records - 1) * _stride) + _valueBytes);
            _engine.Regions.Set(region + cpu, new Region
            {
                Base = memory + _valueOffset + (cpu * _valueStride),
                Length = length,
                WriteLength = _isWritable ? length : 0,
                Mask = (uint)_stride - 1,
                Limit = (uint)_valueBytes,
            });
        }
        _chunks.Add(new Chunk((nint)memory, records, region));
        Count += (uint)records;
        for (var i = records - 1; i >= 0; i--)
        {
            var record = (Record*)(memory + ((long)i * _stride));
            record->Value = Address.Of((uint)region, (uint)(i * _stride));
            record->Next = _free;
            _free = record;
        }
    }
}
