using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>
/// An array of maps. Each call that writes waits for a grace period of the kernel (about 10 ms), whatever the number of entries:
/// write in batches.
/// </summary>
public sealed unsafe class ArrayOfMapsBpf : BpfMap
{
    /// <summary>Gives <paramref name="map"/> its type; both share the descriptor.</summary>
    /// <exception cref="ArgumentException">The map is not an array of maps.</exception>
    public ArrayOfMapsBpf(BpfMap map)
        : base(map)
    {
        if (Shape.Type != MapType.ArrayOfMaps)
            throw new ArgumentException($"map {Name} is {Shape}, not an array of maps");
    }

    /// <summary>Puts inner maps at indices in one call. The array holds its own reference to each.</summary>
    /// <exception cref="KernelException">An index is out of range or a map differs from the template.</exception>
    public void UpdateBatch(ReadOnlySpan<uint> indices, ReadOnlySpan<BpfMap> inners)
    {
        if (indices.Length != inners.Length)
            throw new ArgumentException("indices and maps differ in number", nameof(inners));
        if (indices.IsEmpty)
            return;
        var fds = new uint[inners.Length];
        for (var i = 0; i < fds.Length; i++)
            fds[i] = inners[i].Backend.Reference;
        var done = 0u;
        fixed (uint* k = indices)
        fixed (uint* v = fds)
        {
            while (done < fds.Length)
            {
                var count = (uint)fds.Length - done;
                var result = Backend.UpdateBatch(k + done, v + done, &count, 0);
                if (result >= 0)
                    break;
                if (Errno.MeansUnsupported(-result) && count == 0 && done == 0 && TryOneByOne(k, v, fds.Length))
                    break;
                if (result is not (-Errno.Busy or -Errno.Interrupted))
                    throw Refused("bpf_map_update_batch", result);
                done += count;
            }
        }
        foreach (var inner in inners)
            GC.KeepAlive(inner);
    }

    /// <summary>The kernel's id of the map at an index, or zero when the slot is empty.</summary>
    public uint LookupId(uint index)
    {
        uint id;
        var result = Backend.Lookup(&index, &id);
        return result >= 0 ? id : result == -Errno.NoEntry ? 0u : throw Refused("bpf_map_lookup_elem", result);
    }

    /// <summary>Opens the map at an index, or returns null when the slot is empty.</summary>
    public BpfMap? OpenOrNull(uint index) => LookupId(index) is var id and not 0 && Backend.OpenByIdOrNull(id) is { } map ? new BpfMap(map) : null;

    /// <summary>Indices that hold a map, with the kernel's ids.</summary>
    public Dictionary<uint, uint> ReadIds() => As<uint, uint>().ToDictionary();

    /// <summary>Empties a slot. Absent is success.</summary>
    public void Delete(uint index)
    {
        var result = Backend.Delete(&index);
        if (result is < 0 and not -Errno.NoEntry)
            throw Refused("bpf_map_delete_elem", result);
    }

    private bool TryOneByOne(uint* indices, uint* fds, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var result = Backend.Update(indices + i, fds + i, 0);
            if (result < 0)
                throw Refused("bpf_map_update_elem", result);
        }
        return true;
    }
}
