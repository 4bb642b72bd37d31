using System.Runtime.InteropServices;
using Cilium.Bpf;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;

namespace Cilium.Datapath.LoadBalancing;

/// <summary>
/// Writes for the service maps, gathered and then made in the order that leaves no reference dangling: 1. backends, 2. slots,
/// members and source ranges, 3. reverse translation, 4. frontends; then deletions the other way: 5. frontends, 6. slots, members and source
/// ranges, 7. reverse translation, 8. backends.
/// </summary>
/// <param name="frontends">Frontends to expect.</param>
/// <param name="backends">Backends of all of them to expect.</param>
internal sealed class ServiceBatch(int frontends, int backends)
{
    private readonly Writes<uint, BackendValue> _backends = new(backends);
    private readonly Writes<SlotKey, SlotValue> _slots = new(backends);
    private readonly Writes<AffinityMember, uint> _members = new(0);
    private readonly Writes<SourceRangeKey, uint> _ranges = new(0);
    private readonly Writes<uint, RevNatValue> _revNat = new(frontends);
    private readonly Writes<FrontendKey, FrontendValue> _frontends = new(frontends);

    internal void Put(uint backend, BackendValue value) => _backends.Put(backend, value);

    internal void Put(SlotKey slot, SlotValue value) => _slots.Put(slot, value);

    internal void Put(AffinityMember member, AffinityClients clients) => _members.Put(member, (uint)clients);

    internal void Put(SourceRangeKey range) => _ranges.Put(range, 1);

    internal void Put(uint service, RevNatValue value) => _revNat.Put(service, value);

    internal void Put(FrontendKey frontend, FrontendValue value) => _frontends.Put(frontend, value);

    /// <summary>Backends that are deleted.</summary>
    internal List<L4Address> GoneBackends { get; } = [];

    internal void DeleteBackend(L4Address address, uint backend)
    {
        GoneBackends.Add(address);
        _backends.Delete(backend);
    }

    internal void Delete(SlotKey slot) => _slots.Delete(slot);

    internal void Delete(AffinityMember member) => _members.Delete(member);

    internal void Delete(SourceRangeKey range) => _ranges.Delete(range);

    internal void DeleteRevNat(uint service) => _revNat.Delete(service);

    internal void Delete(FrontendKey frontend) => _frontends.Delete(frontend);

    /// <summary>Makes the writes. When a map is full and all would fit in the end, deletions come first for once: some connections may fail meanwhile.</summary>
    /// <param name="maps">The maps.</param>
    /// <param name="after">What they are to hold.</param>
    /// <exception cref="MapFullException">A map is too small; nothing was deleted.</exception>
    internal void WriteTo(ServiceMaps maps, ServiceState after)
    {
        try
        {
            Put(maps);
        }
        catch (MapFullException) when (after.Fits(maps))
        {
            Delete(maps);
            Put(maps);
            return;
        }
        Delete(maps);
    }

    private void Put(ServiceMaps maps)
    {
        _backends.WriteTo(maps.Backends);
        _slots.WriteTo(maps.Slots);
        _members.WriteTo(maps.AffinityMembers);
        _ranges.WriteTo(maps.SourceRanges);
        _revNat.WriteTo(maps.RevNat);
        _frontends.WriteTo(maps.Frontends);
    }

    private void Delete(ServiceMaps maps)
    {
        _frontends.DeleteFrom(maps.Frontends);
        _slots.DeleteFrom(maps.Slots);
        _members.DeleteFrom(maps.AffinityMembers);
        _ranges.DeleteFrom(maps.SourceRanges);
        _revNat.DeleteFrom(maps.RevNat);
        _backends.DeleteFrom(maps.Backends);
    }

    // The last word on a key counts. Keys and values lie as the kernel takes them, in batches.
    private sealed class Writes<TKey, TValue>(int expected)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        private readonly Dictionary<TKey, int> _places = new(expected);
        private readonly List<TKey> _keys = new(expected);
        private readonly List<TValue> _values = new(expected);
        private readonly HashSet<TKey> _deleted = [];

        internal void Put(TKey key, TValue value)
        {
            _deleted.Remove(key);
            ref var place = ref CollectionsMarshal.GetValueRefOrAddDefault(_places, key, out var exists);
            if (exists)
            {
                _values[place] = value;
                return;
            }
            place = _keys.Count;
            _keys.Add(key);
            _values.Add(value);
        }

        internal void Delete(TKey key)
        {
            _deleted.Add(key);
            if (!_places.Remove(key, out var place))
                return;
            // The last one takes its place.
            var last = _keys.Count - 1;
            if (place != last)
            {
                (_keys[place], _values[place]) = (_keys[last], _values[last]);
                _places[_keys[place]] = place;
            }
            _keys.RemoveAt(last);
            _values.RemoveAt(last);
        }

        internal void WriteTo(BpfMap<TKey, TValue> map)
        {
            if (_keys.Count > 0)
                MapFullException.ThrowIfShort(map, CollectionsMarshal.AsSpan(_keys), CollectionsMarshal.AsSpan(_values));
        }

        internal void DeleteFrom(BpfMap<TKey, TValue> map)
        {
            if (_deleted.Count > 0)
                map.DeleteBatch(_deleted.ToArray());
        }
    }
}
