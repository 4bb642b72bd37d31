using System.Numerics;
using System.Runtime.CompilerServices;
using Cilium.Bpf.Native;
using Record = Cilium.Bpf.InProcess.Maps.RecordPool.Record;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>
/// A longest-prefix-match map: one table of masked keys, asked for each length in use from the longest down. A record keeps the key as
/// it was given, too, since that is what a walk returns.
/// </summary>
internal sealed unsafe class LpmStorage : MapStorage
{
    internal const int LengthBytes = 4;

    private readonly RecordPool _records;
    private readonly RecordTable _table;
    private readonly int _maximum;
    private readonly int[] _perLength;
    private readonly ulong[] _lengths;

    internal LpmStorage(InProcessEngine engine, string name, MapShape shape)
        : base(engine, name, shape)
    {
        _maximum = (KeyBytes - LengthBytes) * 8;
        _perLength = new int[_maximum + 1];
        _lengths = new ulong[(_maximum / 64) + 1];
        _records = new RecordPool(engine, Padded + KeyBytes, ValueBytes, 1, !shape.Flags.HasFlag(MapFlags.ReadOnlyForPrograms));
        _table = new RecordTable(engine, KeyBytes);
    }

    private int Padded => (KeyBytes + 7) & ~7;

    internal override long Entries => _table.Count;

    internal override long Bytes => _records.Bytes + _table.Bytes;

    internal override ulong Find(byte* key, int cpu)
    {
        var record = Match(key);
        return record == null ? 0 : record->Value;
    }

    internal override int Update(byte* key, byte* value, ulong flags, int cpu)
    {
        var length = Unsafe.ReadUnaligned<uint>(key);
        if (flags > (ulong)MapUpdate.ReplaceOnly || length > _maximum)
            return -Errno.Invalid;
        var masked = stackalloc byte[KeyBytes];
        CopyMasked(key, masked, length);
        var hash = _table.Hash(masked);
        lock (_records)
        {
            var old = _table.Find(masked, hash);
            if (old != null && flags == (ulong)MapUpdate.CreateOnly)
                return -Errno.Exists;
            if (old == null && flags == (ulong)MapUpdate.ReplaceOnly)
                return -Errno.NoEntry;
            if (old == null && _table.Count >= Shape.MaxEntries)
                return -Errno.NoSpace;
            var record = _records.Take();
            Buffer.MemoryCopy(masked, RecordPool.KeyOf(record), KeyBytes, KeyBytes);
            Buffer.MemoryCopy(key, Given(record), KeyBytes, KeyBytes);
            Buffer.MemoryCopy(value, _records.ValueOf(record), ValueBytes, ValueBytes);
            if (old == null)
            {
                _table.Insert(record, hash);
                if (_perLength[length]++ == 0)
                    Volatile.Write(ref _lengths[length / 64], _lengths[length / 64] | (1UL << (int)(length % 64)));
                return 0;
            }
            _table.Replace(old, record);
            _records.GiveBack(old);
            return 0;
        }
    }

    internal override int Delete(byte* key)
    {
        var length = Unsafe.ReadUnaligned<uint>(key);
        if (length > _maximum)
            return -Errno.Invalid;
        var masked = stackalloc byte[KeyBytes];
        CopyMasked(key, masked, length);
        lock (_records)
        {
            var record = _table.Find(masked, _table.Hash(masked));
            if (record == null)
                return -Errno.NoEntry;
            _table.Remove(record);
            _records.GiveBack(record);
            if (--_perLength[length] == 0)
                Volatile.Write(ref _lengths[length / 64], _lengths[length / 64] & ~(1UL << (int)(length % 64)));
            return 0;
        }
    }

    internal override int Copy(byte* key, byte* value)
    {
        lock (_records)
        {
            var record = Match(key);
            if (record == null)
                return -Errno.NoEntry;
            Buffer.MemoryCopy(_records.ValueOf(record), value, ValueBytes, ValueBytes);
            return 0;
        }
    }

    internal override int NextKey(byte* key, byte* next)
    {
        lock (_records)
        {
            var slot = key == null ? 0 : SlotAfter(key);
            for (; slot < _records.Count; slot++)
            {
                var record = _records.At(slot);
                if ((record->State & Record.Used) == 0)
                    continue;
                Buffer.MemoryCopy(Given(record), next, KeyBytes, KeyBytes);
                return 0;
            }
            return -Errno.NoEntry;
        }
    }

    internal override int CopyBatch(ulong position, ulong* next, byte* keys, byte* values, uint* count)
    {
        lock (_records)
        {
            var slot = (uint)position;
            var copied = 0u;
            for (; slot < _records.Count && copied < *count; slot++)
            {
                var record = _records.At(slot);
                if ((record->State & Record.Used) == 0)
                    continue;
                Buffer.MemoryCopy(Given(record), keys + (copied * KeyBytes), KeyBytes, KeyBytes);
                Buffer.MemoryCopy(_records.ValueOf(record), values + (copied * ValueBytes), ValueBytes, ValueBytes);
                copied++;
            }
            *next = slot;
            *count = copied;
            return slot < _records.Count ? 0 : -Errno.NoEntry;
        }
    }

    private protected override void Free()
    {
        lock (_records)
        {
            _table.Free();
            _records.Free();
        }
    }

    private byte* Given(Record* record) => RecordPool.KeyOf(record) + Padded;

    private Record* Match(byte* key)
    {
        var limit = Math.Min(Unsafe.ReadUnaligned<uint>(key), (uint)_maximum);
        var masked = stackalloc byte[KeyBytes];
        for (var word = (int)(limit / 64); word >= 0; word--)
        {
            var lengths = Volatile.Read(ref _lengths[word]);
            if (word == (int)(limit / 64))
                lengths &= ulong.MaxValue >> (63 - (int)(limit % 64));
            while (lengths != 0)
            {
                var bit = BitOperations.Log2(lengths);
                lengths &= ~(1UL << bit);
                CopyMasked(key, masked, (uint)((word * 64) + bit));
                var record = _table.Find(masked, _table.Hash(masked));
                if (record != null)
                    return record;
            }
        }
        return null;
    }

    /// <summary>The place behind a key, or the first when no entry has it.</summary>
    private uint SlotAfter(byte* key)
    {
        var length = Unsafe.ReadUnaligned<uint>(key);
        if (length > _maximum)
            return 0;
        var masked = stackalloc byte[KeyBytes];
        CopyMasked(key, masked, length);
        var current = _table.Find(masked, _table.Hash(masked));
        return current == null ? 0 : _records.SlotOf(current) + 1;
    }

    private void CopyMasked(byte* key, byte* masked, uint length)
    {
        Unsafe.WriteUnaligned(masked, length);
        var whole = (int)(length / 8);
        var bytes = KeyBytes - LengthBytes;
        Buffer.MemoryCopy(key + LengthBytes, masked + LengthBytes, whole, whole);
        if (whole == bytes)
            return;
        new Span<byte>(masked + LengthBytes + whole, bytes - whole).Clear();
        var rest = (int)(length % 8);
        if (rest != 0)
            masked[LengthBytes + whole] = (byte)(key[LengthBytes + whole] & (0xFF00 >> rest));
    }
}
