namespace Cilium.Bpf.InProcess.Maps;

/// <summary>Who owns what programs store on sockets and control groups: when one ends, so does what is stored on it.</summary>
internal sealed class StorageOwners
{
    private readonly Lock _lock = new();
    private readonly HashSet<ulong> _groups = [];
    private readonly List<OwnerStorage> _maps = [];

    internal void Add(OwnerStorage map)
    {
        lock (_lock)
            _maps.Add(map);
    }

    internal void Remove(OwnerStorage map)
    {
        lock (_lock)
            _maps.Remove(map);
    }

    internal void AddGroup(ulong id)
    {
        lock (_lock)
            _groups.Add(id);
    }

    internal bool HasGroup(ulong id)
    {
        lock (_lock)
            return _groups.Contains(id);
    }

    internal void RemoveGroup(ulong id)
    {
        lock (_lock)
        {
            if (_groups.Remove(id))
                End(MapType.CgrpStorage, id);
        }
    }

    internal void RemoveSocket(ulong cookie)
    {
        lock (_lock)
            End(MapType.SkStorage, cookie);
    }

    private void End(MapType type, ulong owner)
    {
        foreach (var map in _maps)
        {
            if (map.Shape.Type == type)
                map.Remove(owner);
        }
    }
}
