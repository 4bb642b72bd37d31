using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;
using Record = Cilium.Bpf.InProcess.Maps.RecordPool.Record;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>
/// A hash map, with one value or one per CPU. Full is an error, or evicts what no program looked at lately. As in the kernel an update
/// puts a new value in the place of the old one, so that an address found before leads to the old value.
/// </summary>
internal unsafe class HashStorage : RecordStorage
{
    private const ulong LockFlag = 4;

    private readonly bool _evicts;
    private uint _hand;

    internal HashStorage(InProcessEngine engine, string name, MapShape shape)
        : base(engine, name, shape, shape.KeyBytes)
    {
        _evicts = shape.Type is MapType.LruHash or MapType.LruPerCpuHash;
    }

    internal override ulong Find(byte* key, int cpu)
    {
        var record = Table.Find(key, Table.Hash(key));
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
        var hash = Table.Hash(key);
        lock (Records)
        {
            var old = Table.Find(key, hash);
            if (old != null && mode == MapUpdate.CreateOnly)
                return -Errno.Exists;
            if (old == null && mode == MapUpdate.ReplaceOnly)
                return -Errno.NoEntry;
            if (old != null && Shape.IsPerCpu)
            {
                Fill(old, value, cpu, isNew: false);
                return 0;
            }
            if (old == null && Table.Count >= Shape.MaxEntries && !(_evicts && Evict()))
                return -Errno.TooBig;
            var record = Records.Take();
            Buffer.MemoryCopy(key, RecordPool.KeyOf(record), KeyBytes, KeyBytes);
            Fill(record, value, cpu, isNew: true);
            if (old == null)
            {
                Table.Insert(record, hash);
                return 0;
            }
            Table.Replace(old, record);
            Records.GiveBack(old);
            return 0;
        }
    }

    internal override int Delete(byte* key)
    {
        lock (Records)
        {
            var record = Table.Find(key, Table.Hash(key));
            if (record == null)
                return -Errno.NoEntry;
            Table.Remove(record);
            Records.GiveBack(record);
            return 0;
        }
    }

    internal override int Copy(byte* key, byte* value)
    {
        lock (Records)
        {
            var record = Table.Find(key, Table.Hash(key));
            if (record == null)
                return -Errno.NoEntry;
            CopyOut(record, value);
            return 0;
        }
    }

    internal override int CopyAndDelete(byte* key, byte* value)
    {
        lock (Records)
            return Copy(key, value) is < 0 and var result ? result : Delete(key);
    }

    private protected override Record* At(byte* key) => Table.Find(key, Table.Hash(key));

    /// <summary>Takes the next record out that no program looked at since the hand was here last.</summary>
    private bool Evict()
    {
        for (var steps = 2UL * Records.Count; steps > 0; steps--)
        {
            var record = Records.At(_hand);
            _hand = _hand + 1 < Records.Count ? _hand + 1 : 0;
            if ((record->State & Record.Used) == 0)
                continue;
            if ((record->State & Record.Referenced) != 0)
            {
                record->State = Record.Used;
                continue;
            }
            Table.Remove(record);
            Records.GiveBack(record);
            return true;
        }
        return false;
    }

    private void Fill(Record* record, byte* value, int cpu, bool isNew)
    {
        for (var i = 0; i < Cpus; i++)
        {
            var place = Records.ValueOf(record, i);
            if (cpu == UserSpace || Cpus == 1)
                Buffer.MemoryCopy(value + (i * CpuStride), place, ValueBytes, ValueBytes);
            else if (i == cpu)
                Buffer.MemoryCopy(value, place, ValueBytes, ValueBytes);
            else if (isNew)
                new Span<byte>(place, ValueBytes).Clear();
        }
    }
}
