using Cilium.Bpf;

namespace Cilium.Datapath.Kernel;

/// <summary>A map has no room for what is desired; entries already in it are untouched.</summary>
/// <param name="map">The map.</param>
/// <param name="missing">Entries that were not written.</param>
public sealed class MapFullException(BpfMap map, int missing)
    : Exception($"map {map.Name} is full ({map.Shape.MaxEntries} entries): {missing} entries were not written")
{
    internal static void ThrowIfShort<TKey, TValue>(BpfMap<TKey, TValue> map, ReadOnlySpan<TKey> keys, ReadOnlySpan<TValue> values)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        var batch = map.UpdateBatch(keys, values);
        if (batch.Status != MapStatus.Ok)
            throw new MapFullException(map, keys.Length - batch.Done);
    }
}
