using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;

namespace Cilium.Datapath.LoadBalancing;

/// <summary>
/// What the service maps hold: read from them at the start, so that the ids that packets and connections carry survive a restart.
/// </summary>
internal sealed class ServiceState
{
    private readonly HashSet<uint> _backendIds = [];
    private uint _nextServiceId;
    private uint _nextBackendId;

    private ServiceState()
    {
    }

    internal Dictionary<FrontendKey, FrontendValue> Frontends { get; private init; } = [];

    /// <summary>Slots by service, in order.</summary>
    internal Dictionary<uint, List<SlotValue>> Slots { get; } = [];

    internal Dictionary<uint, RevNatValue> RevNat { get; private init; } = [];

    internal Dictionary<L4Address, Backend> Backends { get; } = [];

    /// <summary>Backends that clients may keep and by whom, by service.</summary>
    internal Dictionary<uint, Dictionary<uint, AffinityClients>> Members { get; } = [];

    /// <summary>Sources that may use a service, by service.</summary>
    internal Dictionary<uint, HashSet<SourceRangeKey>> Ranges { get; } = [];

    internal sealed record Backend(uint Id, BackendValue Value)
    {
        /// <summary>Slots and draining places that name the backend.</summary>
        internal int References { get; set; }
    }

    /// <summary>Reads the maps.</summary>
    /// <param name="maps">The maps.</param>
    /// <param name="former">What was known before, after which ids go on; null after a start, when they go on where the maps say.</param>
    internal static ServiceState Read(ServiceMaps maps, ServiceState? former)
    {
        var state = new ServiceState { Frontends = maps.Frontends.ToDictionary(), RevNat = maps.RevNat.ToDictionary() };
        foreach (var (key, value) in maps.Slots.ToDictionary().OrderBy(slot => slot.Key.ServiceId).ThenBy(slot => slot.Key.Slot))
        {
            var slots = state.Slots.TryGetValue(key.ServiceId, out var found) ? found : state.Slots[key.ServiceId] = [];
            // A hole is the rest of a crash: an empty value differs from every desired one and is written over.
            while (slots.Count < key.Slot)
                slots.Add(default);
            slots.Add(value);
        }
        foreach (var (id, value) in maps.Backends.ToDictionary())
        {
            state.Backends[AddressOf(value)] = new Backend(id, value);
            state._backendIds.Add(id);
        }
        foreach (var group in maps.AffinityMembers.ToDictionary().GroupBy(member => member.Key.ServiceId))
            state.Members[group.Key] = group.ToDictionary(member => member.Key.BackendId, member => (AffinityClients)member.Value);
        foreach (var group in maps.SourceRanges.ToDictionary().Keys.GroupBy(range => range.ServiceId))
            state.Ranges[group.Key] = [.. group];
        var serviceIds = state.Frontends.Values.Select(f => f.ServiceId).Concat(state.RevNat.Keys).Concat(state.Slots.Keys)
            .Concat(state.Members.Keys).Concat(state.Ranges.Keys);
        state._nextServiceId = former?._nextServiceId ?? NextId(maps, ServiceMaps.NextService, serviceIds);
        state._nextBackendId = former?._nextBackendId ?? NextId(maps, ServiceMaps.NextBackend, state._backendIds);
        return state;
    }

    /// <summary>Makes room for rows that come.</summary>
    internal void Reserve(int frontends, int backends)
    {
        Frontends.EnsureCapacity(Frontends.Count + frontends);
        RevNat.EnsureCapacity(RevNat.Count + frontends);
        Slots.EnsureCapacity(Slots.Count + frontends);
        Backends.EnsureCapacity(Backends.Count + backends);
    }

    /// <summary>Has the maps remember how far ids have come; before anything names a new one.</summary>
    internal void WriteNextIds(ServiceMaps maps)
    {
        maps.Ids.Update(ServiceMaps.NextBackend, _nextBackendId);
        maps.Ids.Update(ServiceMaps.NextService, _nextServiceId);
    }

    /// <summary>Whether all of it has a place in maps that hold nothing else.</summary>
    internal bool Fits(ServiceMaps maps) =>
        Backends.Count <= maps.Backends.Shape.MaxEntries && Frontends.Count <= maps.Frontends.Shape.MaxEntries && RevNat.Count <= maps.RevNat.Shape.MaxEntries
        && Slots.Values.Sum(slots => (long)slots.Count) <= maps.Slots.Shape.MaxEntries
        && Members.Values.Sum(members => (long)members.Count) <= maps.AffinityMembers.Shape.MaxEntries
        && Ranges.Values.Sum(ranges => (long)ranges.Count) <= maps.SourceRanges.Shape.MaxEntries;

    // Ids go round the whole range before one is used again: connections may still name those of deleted services.
    internal uint NewServiceId()
    {
        while (_nextServiceId == 0 || RevNat.ContainsKey(_nextServiceId) || Slots.ContainsKey(_nextServiceId))
            _nextServiceId++;
        return _nextServiceId++;
    }

    internal uint NewBackendId()
    {
        while (_nextBackendId == 0 || !_backendIds.Add(_nextBackendId))
            _nextBackendId++;
        return _nextBackendId++;
    }

    internal void RemoveBackend(L4Address address, Backend backend)
    {
        Backends.Remove(address);
        _backendIds.Remove(backend.Id);
    }

    internal static FrontendKey KeyOf(L4Address frontend) => new(frontend.Address.ToMap(), NetPort.From(frontend.Port), (byte)frontend.Protocol, 0);

    internal static SourceRangeKey KeyOf(uint service, Core.Prefix range) => new(32u + (uint)range.Length128, service, range.Address.ToMap());

    internal static L4Address AddressOf(BackendValue value) =>
        new(value.Address.ToIpAddr(), value.Port.Number, (Core.L4Protocol)value.Protocol);

    internal static BackendValue ValueOf(BackendRef backend) =>
        new(backend.Address.Address.ToMap(), NetPort.From(backend.Address.Port), (byte)backend.Address.Protocol, (byte)backend.State);

    // Maps of an agent that did not write it yet have only what is in use.
    private static uint NextId(ServiceMaps maps, uint index, IEnumerable<uint> used) =>
        maps.Ids.TryLookup(index, out var next) && next != 0 ? next : used.DefaultIfEmpty().Max() + 1;
}
