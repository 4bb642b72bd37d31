using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>An array of maps, each held by a reference of its own. What is written is a map's number, and what is read.</summary>
internal sealed unsafe class MapArrayStorage : IndexedStorage
{
    private readonly MapStorage?[] _maps;
    private readonly MapTemplate _template;

    internal MapArrayStorage(InProcessEngine engine, string name, MapShape shape, MapTemplate template)
        : base(engine, name, shape)
    {
        _maps = new MapStorage?[shape.MaxEntries];
        _template = template;
    }

    internal override long Entries => _maps.Count(map => map is not null);

    internal override long Bytes => (long)_maps.Length * sizeof(nint);

    internal override ulong Find(byte* key, int cpu)
    {
        var index = *(uint*)key;
        return index < (uint)_maps.Length && Volatile.Read(ref _maps[index]) is { } map ? map.Handle : 0;
    }

    internal override int Update(byte* key, byte* value, ulong flags, int cpu)
    {
        var index = *(uint*)key;
        if (flags != (ulong)MapUpdate.Any)
            return -Errno.Invalid;
        if (index >= (uint)_maps.Length)
            return -Errno.TooBig;
        var map = Engine.Maps[*(uint*)value];
        if (map is null || !map.TryHold())
            return -Errno.BadDescriptor;
        if (!_template.Fits(map.Shape))
        {
            map.Release();
            return -Errno.Invalid;
        }
        Interlocked.Exchange(ref _maps[index], map)?.Release();
        return 0;
    }

    internal override int Delete(byte* key)
    {
        var index = *(uint*)key;
        if (index >= (uint)_maps.Length)
            return -Errno.TooBig;
        var old = Interlocked.Exchange(ref _maps[index], null);
        old?.Release();
        return old is null ? -Errno.NoEntry : 0;
    }

    internal override int Copy(byte* key, byte* value)
    {
        var index = *(uint*)key;
        if (index >= (uint)_maps.Length || Volatile.Read(ref _maps[index]) is not { } map)
            return -Errno.NoEntry;
        *(uint*)value = map.Id;
        return 0;
    }

    internal override int CopyBatch(ulong position, ulong* next, byte* keys, byte* values, uint* count)
    {
        var index = (uint)position;
        var copied = 0u;
        for (; index < (uint)_maps.Length && copied < *count; index++)
        {
            if (Volatile.Read(ref _maps[index]) is not { } map)
                continue;
            *(uint*)(keys + (copied * 4)) = index;
            *(uint*)(values + (copied * 4)) = map.Id;
            copied++;
        }
        *next = index;
        *count = copied;
        return index < (uint)_maps.Length ? 0 : -Errno.NoEntry;
    }

    private protected override void LetGo()
    {
        foreach (ref var map in _maps.AsSpan())
            Interlocked.Exchange(ref map, null)?.Release();
    }

    private protected override void Free()
    {
    }
}
