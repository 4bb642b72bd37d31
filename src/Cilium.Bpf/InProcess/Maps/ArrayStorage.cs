using System.Numerics;
using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>An array, with one value or one per CPU for each index. All entries exist from the start; values change in place.</summary>
internal sealed unsafe class ArrayStorage : IndexedStorage
{
    private const ulong LockFlag = 4;
    private const int GuardBytes = 8;
    private const int WorthAsking = 1 << 20;

    private readonly Lock _lock = new();
    private readonly int _stride;
    private readonly int _valueStride;
    private readonly int _firstRegion;
    private byte* _memory;

    internal ArrayStorage(InProcessEngine engine, string name, MapShape shape)
        : base(engine, name, shape)
    {
        _valueStride = (ValueBytes + 7) & ~7;
        // Room behind the values catches an access that leaves its value.
        _stride = (int)BitOperations.RoundUpToPowerOf2((uint)((_valueStride * Cpus) + (shape.MaxEntries > 1 ? GuardBytes : 0)));
        // An address has 32 bits for its place in a region.
        if ((ulong)shape.MaxEntries * (uint)_stride > int.MaxValue)
            throw new KernelException("map create", Errno.TooBig, $"{Name} ({Shape})");
        _memory = ZeroedMemory.Take((nuint)Bytes);
        _firstRegion = engine.Regions.Take(Cpus);
        SetRegions(!shape.Flags.HasFlag(MapFlags.ReadOnlyForPrograms));
    }

    /// <summary>The first value, for sections of variables.</summary>
    internal Span<byte> FirstValue => new(_memory, ValueBytes);

    /// <summary>Whether user space may not write any more, as constants after the load.</summary>
    internal bool IsFrozen { get; set; }

    /// <summary>Whether the address of a value is that of the first, plus the index shifted.</summary>
    internal bool IsPlain => Shape.MaxEntries <= int.MaxValue;

    internal override long Entries => Shape.MaxEntries;

    internal override long Bytes => (long)Shape.MaxEntries * _stride;

    internal int StrideShift => BitOperations.Log2((uint)_stride);

    /// <summary>Where the value of an index begins, for CPU 0.</summary>
    internal ulong AddressOf(uint index) => Address.Of((uint)_firstRegion, index * (uint)_stride);

    internal override ulong Find(byte* key, int cpu)
    {
        var index = *(uint*)key;
        return index < Shape.MaxEntries ? Address.Of((uint)(_firstRegion + (Cpus == 1 ? 0 : cpu)), index * (uint)_stride) : 0;
    }

    internal override int Update(byte* key, byte* value, ulong flags, int cpu)
    {
        if ((flags & ~LockFlag) > (ulong)MapUpdate.ReplaceOnly)
            return -Errno.Invalid;
        var index = *(uint*)key;
        if (index >= Shape.MaxEntries)
            return -Errno.TooBig;
        if ((flags & (ulong)MapUpdate.CreateOnly) != 0)
            return -Errno.Exists;
        if (IsFrozen)
            return -Errno.Perm;
        lock (_lock)
        {
            if (_memory == null)
                return -Errno.NoEntry;
            for (var i = 0; i < Cpus; i++)
            {
                if (cpu == UserSpace)
                    Buffer.MemoryCopy(value + (i * CpuStride), Place(index, i), ValueBytes, ValueBytes);
                else if (Cpus == 1 || i == cpu)
                    Buffer.MemoryCopy(value, Place(index, i), ValueBytes, ValueBytes);
            }
        }
        return 0;
    }

    internal override int Delete(byte* key) => -Errno.Invalid;

    internal override int Copy(byte* key, byte* value)
    {
        var index = *(uint*)key;
        if (index >= Shape.MaxEntries)
            return -Errno.NoEntry;
        lock (_lock)
        {
            if (_memory == null)
                return -Errno.NoEntry;
            CopyOut(index, value);
        }
        return 0;
    }

    internal override int CopyBatch(ulong position, ulong* next, byte* keys, byte* values, uint* count)
    {
        var index = (uint)position;
        var last = (uint)Math.Min(Shape.MaxEntries, position + *count);
        var copied = 0u;
        lock (_lock)
        {
            if (_memory == null)
                return -Errno.NoEntry;
            var untouched = new Untouched(this, index, last);
            for (; index < last; index++, copied++)
            {
                *(uint*)(keys + (copied * 4)) = index;
                var value = values + (copied * ExchangeBytes);
                if (untouched.Has(index))
                    new Span<byte>(value, ExchangeBytes).Clear();
                else
                    CopyOut(index, value);
            }
        }
        *next = index;
        *count = copied;
        return index < Shape.MaxEntries ? 0 : -Errno.NoEntry;
    }

    private protected override void Free()
    {
        lock (_lock)
        {
            Engine.Regions.Release(_firstRegion, Cpus);
            ZeroedMemory.Free(_memory, (nuint)Bytes);
            _memory = null;
        }
    }

    private void CopyOut(uint index, byte* value)
    {
        for (var i = 0; i < Cpus; i++)
            Buffer.MemoryCopy(Place(index, i), value + (i * CpuStride), ValueBytes, ValueBytes);
    }

    private byte* Place(uint index, int cpu) => _memory + ((long)index * _stride) + (cpu * _valueStride);

    private void SetRegions(bool isWritable)
    {
        var length = (ulong)(Shape.MaxEntries - 1) * (uint)_stride + (uint)ValueBytes;
        for (var cpu = 0; cpu < Cpus; cpu++)
        {
            Engine.Regions.Set(_firstRegion + cpu, new Region
            {
                Base = _memory + (cpu * _valueStride),
                Length = (uint)length,
                WriteLength = isWritable ? (uint)length : 0,
                Mask = Shape.MaxEntries > 1 ? (uint)_stride - 1 : 0,
                Limit = Shape.MaxEntries > 1 ? (uint)ValueBytes : uint.MaxValue,
            });
        }
    }

    /// <summary>The entries of a walk that lie on pages nobody has written: they are zero.</summary>
    private readonly ref struct Untouched
    {
        private readonly Span<bool> _pages;
        private readonly int _firstPage;
        private readonly int _perPage;

        internal Untouched(ArrayStorage array, uint first, uint last)
        {
            if (array.Bytes < WorthAsking || array._stride > TouchedPages.PageBytes || first >= last)
                return;
            _perPage = TouchedPages.PageBytes / array._stride;
            _firstPage = (int)(first / _perPage);
            _pages = new bool[(int)((last - 1) / _perPage) - _firstPage + 1];
            TouchedPages.Find(array._memory + ((long)_firstPage * TouchedPages.PageBytes), _pages);
        }

        internal bool Has(uint index) => !_pages.IsEmpty && !_pages[(int)(index / _perPage) - _firstPage];
    }
}
