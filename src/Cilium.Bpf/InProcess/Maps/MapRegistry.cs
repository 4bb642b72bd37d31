namespace Cilium.Bpf.InProcess.Maps;

/// <summary>The maps of an engine by number. Reading takes no lock.</summary>
internal sealed class MapRegistry
{
    private readonly Stack<uint> _free = [];
    private MapStorage?[] _maps = new MapStorage?[64];
    private uint _next = 1;

    internal MapStorage? this[uint id]
    {
        get
        {
            var maps = Volatile.Read(ref _maps);
            return id < (uint)maps.Length ? maps[id] : null;
        }
    }

    /// <summary>The maps of this moment.</summary>
    internal IEnumerable<MapStorage> All => Volatile.Read(ref _maps).OfType<MapStorage>();

    internal uint Add(MapStorage map)
    {
        lock (_free)
        {
            var id = _free.TryPop(out var released) ? released : _next++;
            if (id >= (uint)_maps.Length)
            {
                var larger = new MapStorage?[_maps.Length * 2];
                _maps.CopyTo(larger, 0);
                Volatile.Write(ref _maps, larger);
            }
            _maps[id] = map;
            return id;
        }
    }

    internal void Remove(uint id)
    {
        lock (_free)
        {
            _maps[id] = null;
            _free.Push(id);
        }
    }
}
