using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;
using Record = Cilium.Bpf.InProcess.Maps.RecordPool.Record;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>
/// A hash map, with one value or one per CPU. Full is an error, or evicts what no program looked at lately. As in the kernel an update
/// puts a new value in the place of the old one, so that an address found before leads to the old value.
/// </summary>
internal sealed unsafe class HashStorage : MapStorage
{
    private const ulong LockFlag = 4;

    private readonly RecordPool _records;
    private readonly RecordTable _table;
    private readonly bool _evicts;
    private uint _hand;

    internal HashStorage(InProcessEngine engine, string name, MapShape shape)
        : base(engine, name, shape)
    {
        _evicts = shape.Type is MapType.LruHash or MapType.LruPerCpuHash;
        _records = new RecordPool(engine, KeyBytes, ValueBytes, Cpus, !shape.Flags.HasFlag(MapFlags.ReadOnlyForPrograms));
        _table = new RecordTable(engine, KeyBytes);
    }

    internal override long Entries => _table.Count;

    internal override long Bytes => _records.Bytes + _table.Bytes;

    internal override ulong Find(byte* key, int cpu)
    {
        var record = _table.Find(key, _table.Hash(key));
        if (record == null)
            return 0;
        if (_evicts && (record->State & Record.Referenced) == 0)
            record->State |= Record.Referenced;
        return Cpus == 1 ? record->Value : record->Value + Address.Of((uint)cpu, 0);
    }

    internal override int Update(byte* key, byte* value, ulong flags, int cpu)
    {
        if ((flags & ~LockFlag) > (ulong)MapUpdate.ReplaceOnly)
            return -Errno.Invalid;
        var mode = (MapUpdate)(flags & ~LockFlag);
        var hash = _table.Hash(key);
        lock (_records)
        {
            var old = _table.Find(key, hash);
            if (old != null && mode == MapUpdate.CreateOnly)
                return -Errno.Exists;
            if (old == null && mode == MapUpdate.ReplaceOnly)
                return -Errno.NoEntry;
            if (old != null && Shape.IsPerCpu)
            {
                Fill(old, value, cpu, isNew: false);
                return 0;
            }
            if (old == null && _table.Count >= Shape.MaxEntries && !(_evicts && Evict()))
                return -Errno.TooBig;
            var record = _records.Take();
            Buffer.MemoryCopy(key, RecordPool.KeyOf(record), KeyBytes, KeyBytes);
            Fill(record, value, cpu, isNew: true);
            if (old == null)
            {
                _table.Insert(record, hash);
                return 0;
            }
            _table.Replace(old, record);
            _records.GiveBack(old);
            return 0;
        }
    }

    internal override int Delete(byte* key)
    {
        lock (_records)
        {
            var record = _table.Find(key, _table.Hash(key));
            if (record == null)
                return -Errno.NoEntry;
            _table.Remove(record);
            _records.GiveBack(record);
            return 0;
        }
    }

    internal override int Copy(byte* key, byte* value)
    {
        lock (_records)
        {
            var record = _table.Find(key, _table.Hash(key));
            if (record == null)
                return -Errno.NoEntry;
            CopyOut(record, value);
            return 0;
        }
    }

    internal override int CopyAndDelete(byte* key, byte* value)
    {
        lock (_records)
            return Copy(key, value) is < 0 and var result ? result : Delete(key);
    }

    internal override int NextKey(byte* key, byte* next)
    {
        lock (_records)
        {
            var current = key == null ? null : _table.Find(key, _table.Hash(key));
            var slot = current == null ? 0 : _records.SlotOf(current) + 1;
            for (; slot < _records.Count; slot++)
            {
                var record = _records.At(slot);
                if ((record->State & Record.Used) == 0)
                    continue;
                Buffer.MemoryCopy(RecordPool.KeyOf(record), next, KeyBytes, KeyBytes);
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
                Buffer.MemoryCopy(RecordPool.KeyOf(record), keys + (copied * KeyBytes), KeyBytes, KeyBytes);
                CopyOut(record, values + (copied * ExchangeBytes));
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

    /// <summary>Takes the next record out that no program looked at since the hand was here last.</summary>
    private bool Evict()
    {
        for (var steps = 2UL * _records.Count; steps > 0; steps--)
        {
            var record = _records.At(_hand);
            _hand = _hand + 1 < _records.Count ? _hand + 1 : 0;
            if ((record->State & Record.Used) == 0)
                continue;
            if ((record->State & Record.Referenced) != 0)
            {
                record->State = Record.Used;
                continue;
            }
            _table.Remove(record);
            _records.GiveBack(record);
            return true;
        }
        return false;
    }

    private void Fill(Record* record, byte* value, int cpu, bool isNew)
    {
        for (var i = 0; i < Cpus; i++)
        {
            var place = _records.ValueOf(record, i);
            if (cpu == UserSpace || Cpus == 1)
                Buffer.MemoryCopy(value + (i * CpuStride), place, ValueBytes, ValueBytes);
            else if (i == cpu)
                Buffer.MemoryCopy(value, place, ValueBytes, ValueBytes);
            else if (isNew)
                new Span<byte>(place, ValueBytes).Clear();
        }
    }

    private void CopyOut(Record* record, byte* value)
    {
        for (var i = 0; i < Cpus; i++)
            Buffer.MemoryCopy(_records.ValueOf(record, i), value + (i * CpuStride), ValueBytes, ValueBytes);
    }
}
