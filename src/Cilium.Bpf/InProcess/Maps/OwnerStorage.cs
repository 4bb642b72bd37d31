using Cilium.Bpf.Native;
using Record = Cilium.Bpf.InProcess.Maps.RecordPool.Record;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>
/// A value for each socket or control group that a program made one for (<c>BPF_MAP_TYPE_SK_STORAGE</c>, <c>BPF_MAP_TYPE_CGRP_STORAGE</c>). It ends
/// with its owner. Programs name the owner by a pointer, user space of the kernel by a descriptor and here by number: the socket's cookie or the
/// control group's id. A value that is replaced or removed stays valid memory for the runs that found it.
/// </summary>
internal sealed unsafe class OwnerStorage : MapStorage
{
    private const ulong LockFlag = 4;
    private const int OwnerBytes = sizeof(ulong);

    private readonly RecordPool _records;
    private readonly RecordTable _table;
    private bool _isFreed;

    internal OwnerStorage(InProcessEngine engine, string name, MapShape shape)
        : base(engine, name, shape)
    {
        _records = new RecordPool(engine, OwnerBytes, ValueBytes, cpus: 1, isWritable: true);
        _table = new RecordTable(engine, OwnerBytes);
        engine.Owners.Add(this);
    }

    internal override long Entries => _table.Count;

    internal override long Bytes => _records.Bytes + _table.Bytes;

    /// <summary>The address of an owner's value, or zero.</summary>
    internal ulong Find(ulong owner)
    {
        var record = At(owner);
        return record == null ? 0 : record->Value;
    }

    /// <summary>The address of an owner's value, which is made when there is none; of zeros without an initial one.</summary>
    internal ulong FindOrAdd(ulong owner, byte* initial)
    {
        lock (_records)
        {
            var record = At(owner);
            if (record == null)
                _table.Insert(record = Make(owner, initial), HashOf(owner));
            return record->Value;
        }
    }

    /// <summary>Ends an owner's value. Returns zero or a negated error number.</summary>
    internal int Remove(ulong owner)
    {
        lock (_records)
        {
            var record = At(owner);
            if (record == null)
                return -Errno.NoEntry;
            _table.Remove(record);
            Retire(record);
            return 0;
        }
    }

    // Programs do not look up by key: the kernel does not load those that do.
    internal override ulong Find(byte* key, int cpu) => 0;

    internal override int Update(byte* key, byte* value, ulong flags, int cpu)
    {
        if ((flags & LockFlag) != 0 || flags > (ulong)MapUpdate.ReplaceOnly)
            return -Errno.Invalid;
        var owner = OwnerOf(key);
        lock (_records)
        {
            var old = At(owner);
            if (old != null && flags == (ulong)MapUpdate.CreateOnly)
                return -Errno.Exists;
            if (old == null && flags == (ulong)MapUpdate.ReplaceOnly)
                return -Errno.NoEntry;
            var record = Make(owner, value);
            if (old == null)
            {
                _table.Insert(record, HashOf(owner));
                return 0;
            }
            _table.Replace(old, record);
            Retire(old);
            return 0;
        }
    }

    internal override int Delete(byte* key) => Remove(OwnerOf(key));

    internal override int Copy(byte* key, byte* value)
    {
        lock (_records)
        {
            var record = At(OwnerOf(key));
            if (record == null)
                return -Errno.NoEntry;
            Buffer.MemoryCopy(_records.ValueOf(record), value, ValueBytes, ValueBytes);
            return 0;
        }
    }

    internal override int NextKey(byte* key, byte* next) => -Errno.NotSupported;

    private protected override void LetGo() => Engine.Owners.Remove(this);

    private protected override void Free()
    {
        lock (_records)
        {
            _isFreed = true;
            _table.Free();
            _records.Free();
        }
    }

    private static ulong OwnerOf(byte* key) => *(uint*)key;

    private uint HashOf(ulong owner) => _table.Hash((byte*)&owner);

    private Record* At(ulong owner) => _table.Find((byte*)&owner, _table.Hash((byte*)&owner));

    private Record* Make(ulong owner, byte* value)
    {
        var record = _records.Take();
        *(ulong*)RecordPool.KeyOf(record) = owner;
        var place = new Span<byte>(_records.ValueOf(record), ValueBytes);
        if (value == null)
            place.Clear();
        else
            new ReadOnlySpan<byte>(value, ValueBytes).CopyTo(place);
        return record;
    }

    private void Retire(Record* record)
    {
        var retired = (nint)record;
        Engine.Retirement.Retire(() =>
        {
            lock (_records)
            {
                if (!_isFreed)
                    _records.GiveBack((Record*)retired);
            }
        });
    }
}
