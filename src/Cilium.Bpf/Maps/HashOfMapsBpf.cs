using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>A hash table of maps. A call that writes may wait for a grace period of the kernel (about 10 ms).</summary>
/// <typeparam name="TKey">The key.</typeparam>
public sealed unsafe class HashOfMapsBpf<TKey> : BpfMap
    where TKey : unmanaged
{
    /// <summary>Gives <paramref name="map"/> its type; both share the descriptor.</summary>
    /// <exception cref="ArgumentException">The map is not a hash table of maps, or its keys have another size.</exception>
    public HashOfMapsBpf(BpfMap map)
        : base(map)
    {
        if (Shape.Type != MapType.HashOfMaps || Shape.KeyBytes != sizeof(TKey))
            throw new ArgumentException($"map {Name} is {Shape}, not a hash table of maps with keys of {sizeof(TKey)} bytes");
    }

    /// <summary>Puts an inner map at a key. The table holds its own reference to it.</summary>
    /// <returns>Whether it was put there, or why not.</returns>
    /// <exception cref="KernelException">The map differs from the template.</exception>
    public MapStatus Update(in TKey key, BpfMap inner, MapUpdate mode = MapUpdate.Any)
    {
        ArgumentNullException.ThrowIfNull(inner);
        var (copy, reference) = (key, inner.Backend.Reference);
        var result = Backend.Update(&copy, &reference, (ulong)mode);
        GC.KeepAlive(inner);
        return result switch
        {
            >= 0 => MapStatus.Ok,
            -Errno.Exists => MapStatus.Exists,
            -Errno.NoEntry => MapStatus.NotFound,
            -Errno.TooBig or -Errno.NoSpace => MapStatus.Full,
            _ => throw Refused("bpf_map_update_elem", result),
        };
    }

    /// <summary>The engine's id of the map at a key, or zero when there is none.</summary>
    public uint LookupId(in TKey key)
    {
        uint id;
        var copy = key;
        var result = Backend.Lookup(&copy, &id);
        return result >= 0 ? id : result == -Errno.NoEntry ? 0u : throw Refused("bpf_map_lookup_elem", result);
    }

    /// <summary>Opens the map at a key, or returns null when there is none.</summary>
    public BpfMap? OpenOrNull(in TKey key) => LookupId(key) is var id and not 0 && Backend.OpenByIdOrNull(id) is { } map ? new BpfMap(map) : null;

    /// <summary>Keys that have a map, with the engine's ids.</summary>
    public Dictionary<TKey, uint> ReadIds() => As<TKey, uint>().ToDictionary();

    /// <summary>Takes a map out. Absent is success.</summary>
    public void Delete(in TKey key)
    {
        var copy = key;
        var result = Backend.Delete(&copy);
        if (result is < 0 and not -Errno.NoEntry)
            throw Refused("bpf_map_delete_elem", result);
    }
}
