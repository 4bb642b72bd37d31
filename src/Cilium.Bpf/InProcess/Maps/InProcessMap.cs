using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>A hold on a map of this process, as a descriptor is one on a map of the kernel.</summary>
internal sealed unsafe class InProcessMap(MapStorage storage) : MapBackend
{
    private int _isClosed;

    /// <summary>Lets go of a forgotten map.</summary>
    ~InProcessMap() => Close();

    internal MapStorage Storage => storage;

    internal override string Name => storage.Name;

    internal override uint Id => storage.Id;

    internal override MapShape Shape => storage.Shape;

    internal override int Cpus => storage.Cpus;

    internal override BpfFd Fd => throw new InvalidOperationException($"map {Name} lives in this process and has no descriptor");

    internal override uint Reference => Open().Id;

    internal override int Lookup(void* key, void* value) => Open().Copy((byte*)key, (byte*)value);

    internal override int Update(void* key, void* value, ulong flags) => Open().Update((byte*)key, (byte*)value, flags, MapStorage.UserSpace);

    internal override int Delete(void* key) => Open().Delete((byte*)key);

    internal override int LookupAndDelete(void* key, void* value) => Open().CopyAndDelete((byte*)key, (byte*)value);

    internal override int NextKey(void* key, void* next) => Open().NextKey((byte*)key, (byte*)next);

    internal override int UpdateBatch(void* keys, void* values, uint* count, ulong flags)
    {
        var map = Open();
        for (var i = 0u; i < *count; i++)
        {
            var result = map.Update((byte*)keys + (i * map.KeyBytes), (byte*)values + (i * map.ExchangeBytes), flags, MapStorage.UserSpace);
            if (result >= 0)
                continue;
            *count = i;
            return result;
        }
        return 0;
    }

    internal override int DeleteBatch(void* keys, uint* count)
    {
        var map = Open();
        for (var i = 0u; i < *count; i++)
        {
            var result = map.Delete((byte*)keys + (i * map.KeyBytes));
            if (result >= 0)
                continue;
            *count = i;
            return result;
        }
        return 0;
    }

    internal override int LookupBatch(void* from, void* to, void* keys, void* values, uint* count)
    {
        // A key may be shorter than the eight bytes of a position; callers give room for both.
        ulong next;
        var result = Open().CopyBatch(from == null ? 0 : *(ulong*)from, &next, (byte*)keys, (byte*)values, count);
        if (result is >= 0 or -Errno.NoEntry)
            *(ulong*)to = next;
        return result;
    }

    internal override MapBackend Duplicate() => Hold(Open());

    internal override MapBackend? OpenByIdOrNull(uint id) =>
        storage.Engine.Maps[id] is { } map && map.TryHold() ? new InProcessMap(map) : null;

    internal override RingMemory OpenRing() => new InProcessRing((RingStorage)Open());

    public override void Dispose()
    {
        Close();
        GC.SuppressFinalize(this);
    }

    /// <summary>A further hold on a map that somebody holds.</summary>
    internal static InProcessMap Hold(MapStorage map)
    {
        ObjectDisposedException.ThrowIf(!map.TryHold(), map.Name);
        return new InProcessMap(map);
    }

    private MapStorage Open()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isClosed) != 0, storage.Name);
        return storage;
    }

    private void Close()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) == 0)
            storage.Release();
    }
}
