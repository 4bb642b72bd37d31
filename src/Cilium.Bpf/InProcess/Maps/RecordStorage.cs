using Cilium.Bpf.Native;
using Record = Cilium.Bpf.InProcess.Maps.RecordPool.Record;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>A map of records in a table: what hash maps and tries have in common. The monitor of its writers and readers is the pool.</summary>
internal abstract unsafe class RecordStorage : MapStorage
{
    private protected readonly RecordPool Records;
    private protected readonly RecordTable Table;

    /// <param name="engine">The engine.</param>
    /// <param name="name">The map's name.</param>
    /// <param name="shape">The map's shape.</param>
    /// <param name="heldBytes">Bytes that a record holds as its key.</param>
    private protected RecordStorage(InProcessEngine engine, string name, MapShape shape, int heldBytes)
        : base(engine, name, shape)
    {
        Records = new RecordPool(engine, heldBytes, ValueBytes, Cpus, !shape.Flags.HasFlag(MapFlags.ReadOnlyForPrograms));
        Table = new RecordTable(engine, KeyBytes);
    }

    internal sealed override long Entries => Table.Count;

    internal sealed override long Bytes => Records.Bytes + Table.Bytes;

    internal sealed override int NextKey(byte* key, byte* next)
    {
        lock (Records)
        {
            var current = key == null ? null : At(key);
            var slot = current == null ? 0 : Records.SlotOf(current) + 1;
            var record = Records.NextUsed(ref slot);
            if (record == null)
                return -Errno.NoEntry;
            Buffer.MemoryCopy(ShownKey(record), next, KeyBytes, KeyBytes);
            return 0;
        }
    }

    internal sealed override int CopyBatch(ulong position, ulong* next, byte* keys, byte* values, uint* count)
    {
        lock (Records)
        {
            var slot = (uint)position;
            var copied = 0u;
            for (; copied < *count && Records.NextUsed(ref slot) is var record && record != null; slot++, copied++)
            {
                Buffer.MemoryCopy(ShownKey(record), keys + (copied * KeyBytes), KeyBytes, KeyBytes);
                CopyOut(record, values + (copied * ExchangeBytes));
            }
            *next = slot;
            *count = copied;
            return slot < Records.Count ? 0 : -Errno.NoEntry;
        }
    }

    /// <summary>The record of exactly this key, or null.</summary>
    private protected abstract Record* At(byte* key);

    /// <summary>The key of a record as it was given.</summary>
    private protected virtual byte* ShownKey(Record* record) => RecordPool.KeyOf(record);

    /// <summary>Copies the values of all CPUs, as user space exchanges them.</summary>
    private protected void CopyOut(Record* record, byte* value)
    {
        for (var i = 0; i < Cpus; i++)
            Buffer.MemoryCopy(Records.ValueOf(record, i), value + (i * CpuStride), ValueBytes, ValueBytes);
    }

    private protected sealed override void Free()
    {
        lock (Records)
        {
            Table.Free();
            Records.Free();
        }
    }
}
