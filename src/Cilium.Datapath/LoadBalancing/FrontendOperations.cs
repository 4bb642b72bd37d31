using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;

namespace Cilium.Datapath.LoadBalancing;

/// <summary>
/// Carries services to their maps by difference. New connections take a random slot, so slots hold the active backends, or the
/// terminating ones when no other is left. Those of this node come first, where clients outside the cluster get only these.
/// </summary>
/// <param name="maps">The maps.</param>
/// <param name="onBackendsGone">Hears of backends that the maps have no more; null: nobody does.</param>
internal sealed class FrontendOperations(ServiceMaps maps, Action<IReadOnlyList<L4Address>>? onBackendsGone = null)
    : IReconcilerOperations<L4Address, FrontendRow>
{
    /// <summary>Backends of the rows that the maps hold.</summary>
    private readonly Dictionary<L4Address, IReadOnlyList<BackendRef>> _applied = [];

    /// <summary>What the maps hold, until a write fails.</summary>
    private ServiceState? _state;
    private ServiceState? _former;

    /// <inheritdoc/>
    public ValueTask ApplyAsync(ReconcileBatch<L4Address, FrontendRow> batch, CancellationToken cancellationToken)
    {
        var (frontends, backends) = (batch.Changes.Count, batch.Changes.Sum(change => change.Current?.Backends.Count ?? 0));
        _applied.EnsureCapacity(_applied.Count + frontends);
        Change(frontends, backends, (state, writes) =>
        {
            state.Reserve(frontends, backends);
            foreach (var change in batch.Changes.Where(change => change.Current is not null))
                Write(state, writes, change.Current!);
            foreach (var change in batch.Changes.Where(change => change.IsDelete))
                Remove(state, writes, change.Key);
        });
        foreach (var change in batch.Changes)
        {
            if (change.Current is { } row)
                _applied[change.Key] = row.Backends;
            else
                _applied.Remove(change.Key);
        }
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask PruneAsync(TableSnapshot<L4Address, FrontendRow> desired, CancellationToken cancellationToken)
    {
        var wanted = desired.Keys.Select(ServiceState.KeyOf).ToHashSet();
        Change(0, 0, (state, writes) => Prune(state, writes, wanted));
        return ValueTask.CompletedTask;
    }

    private static void Prune(ServiceState state, ServiceBatch writes, HashSet<FrontendKey> wanted)
    {
        foreach (var key in state.Frontends.Keys.Where(key => !wanted.Contains(key)).ToArray())
        {
            RemoveService(state, writes, state.Frontends[key].ServiceId);
            state.Frontends.Remove(key);
            writes.Delete(key);
        }
        var ids = state.Frontends.Values.Select(value => value.ServiceId).ToHashSet();
        foreach (var id in state.Slots.Keys.Concat(state.RevNat.Keys).Concat(state.Members.Keys).Concat(state.Ranges.Keys).Where(id => !ids.Contains(id)).Distinct().ToArray())
            RemoveService(state, writes, id);
        foreach (var (address, backend) in state.Backends.Where(entry => entry.Value.References <= 0).ToArray())
        {
            state.RemoveBackend(address, backend);
            writes.DeleteBackend(address, backend.Id);
        }
    }

    private ServiceState State()
    {
        if (_state is not null)
            return _state;
        // After a failed write the maps are the truth: read them again, and count references anew.
        _state = ServiceState.Read(maps, _former);
        foreach (var backends in _applied.Values)
        {
            foreach (var backend in backends)
            {
                if (_state.Backends.TryGetValue(backend.Address, out var known))
                    known.References++;
            }
        }
        return _state;
    }

    // A change that fails anywhere leaves a state that speaks of writes which were never made: it is not used again.
    private void Change(int frontends, int backends, Action<ServiceState, ServiceBatch> change)
    {
        var state = State();
        var writes = new ServiceBatch(frontends, backends);
        try
        {
            change(state, writes);
            state.WriteNextIds(maps);
            writes.WriteTo(maps, state);
        }
        catch (Exception)
        {
            (_state, _former) = (null, state);
            throw;
        }
        // One that was let go and taken again is still there, under another id.
        if (onBackendsGone is not null && writes.GoneBackends.Where(address => !state.Backends.ContainsKey(address)).ToArray() is { Length: > 0 } gone)
            onBackendsGone(gone);
    }

    private void Write(ServiceState state, ServiceBatch writes, FrontendRow row)
    {
        var key = ServiceState.KeyOf(row.Address);
        var isKnown = state.Frontends.TryGetValue(key, out var present);
        var id = isKnown ? present.ServiceId : state.NewServiceId();

        // 1. Backends, referenced before those of the row's earlier form are let go.
        var before = _applied.GetValueOrDefault(row.Address) ?? [];
        foreach (var backend in row.Backends)
            Reference(state, writes, backend);
        foreach (var backend in before)
            Release(state, writes, backend.Address);

        // 2. Slots that differ.
        var (chosen, first, local) = SlotsOf(row);
        var slots = state.Slots.TryGetValue(id, out var found) ? found : state.Slots[id] = new List<SlotValue>(chosen.Count);
        for (var i = 0; i < chosen.Count; i++)
        {
            var value = SlotOf(state, chosen[i]);
            if (i < slots.Count && slots[i] == value)
                continue;
            if (i < slots.Count)
                slots[i] = value;
            else
                slots.Add(value);
            writes.Put(new SlotKey(id, (uint)i), value);
        }
        for (var i = chosen.Count; i < slots.Count; i++)
            writes.Delete(new SlotKey(id, (uint)i));
        slots.RemoveRange(chosen.Count, slots.Count - chosen.Count);

        // 3. Backends that clients may keep, and who may be a client.
        if (row.Affinity > TimeSpan.Zero || state.Members.ContainsKey(id))
            SetMembers(state, writes, id, row.Affinity > TimeSpan.Zero ? MembersOf(state, row, chosen, first, local) : []);
        if (row.SourceRanges.Count > 0 || state.Ranges.ContainsKey(id))
            SetRanges(state, writes, id, [.. row.SourceRanges.Select(range => ServiceState.KeyOf(id, range))]);

        // 4. Reverse translation and the frontend itself.
        var revNat = new RevNatValue(key.Address, key.Port, 0);
        if (!state.RevNat.TryGetValue(id, out var oldRevNat) || oldRevNat != revNat)
            writes.Put(id, state.RevNat[id] = revNat);
        var frontend = new FrontendValue(
            id, (ushort)(chosen.Count - first), (ushort)FlagsOf(row), (ushort)first, (ushort)local, (uint)row.Affinity.TotalSeconds);
        if (!isKnown || present != frontend)
            writes.Put(key, state.Frontends[key] = frontend);
    }

    private void Remove(ServiceState state, ServiceBatch writes, L4Address address)
    {
        var key = ServiceState.KeyOf(address);
        if (state.Frontends.Remove(key, out var value))
        {
            writes.Delete(key);
            RemoveService(state, writes, value.ServiceId);
        }
        foreach (var backend in _applied.GetValueOrDefault(address) ?? [])
            Release(state, writes, backend.Address);
    }

    private static void RemoveService(ServiceState state, ServiceBatch writes, uint id)
    {
        if (state.Slots.Remove(id, out var slots))
        {
            for (var i = 0; i < slots.Count; i++)
                writes.Delete(new SlotKey(id, (uint)i));
        }
        if (state.RevNat.Remove(id))
            writes.DeleteRevNat(id);
        SetMembers(state, writes, id, []);
        SetRanges(state, writes, id, []);
    }

    // Of this node first: active ones, or those that go when no other is here; then what clients inside the cluster get beside them.
    private static (List<BackendRef> Slots, int First, int Local) SlotsOf(FrontendRow row)
    {
        var chosen = new List<BackendRef>(row.Backends.Count);
        foreach (var backend in row.Backends.AsSpan())
        {
            if (backend.State == BackendState.Active)
                chosen.Add(backend);
        }
        if (chosen.Count == 0)
            chosen.AddRange(row.Backends.AsSpan());
        if (!row.ExternalIsLocal)
            return (chosen, 0, 0);
        var local = chosen.FindAll(backend => backend.IsLocal);
        if (local.Count > 0)
            return ([.. local, .. chosen.Where(backend => !backend.IsLocal)], 0, local.Count);
        local = [.. row.Backends.Where(backend => backend.IsLocal)];
        return ([.. local, .. chosen], local.Count, local.Count);
    }

    // A client keeps what its slots would give it.
    private static Dictionary<uint, AffinityClients> MembersOf(ServiceState state, FrontendRow row, List<BackendRef> chosen, int first, int local)
    {
        var members = new Dictionary<uint, AffinityClients>(chosen.Count);
        for (var i = 0; i < chosen.Count; i++)
        {
            members[state.Backends[chosen[i].Address].Id] = !row.ExternalIsLocal ? AffinityClients.All
                : i < first ? AffinityClients.Outside
                : i < local ? AffinityClients.All
                : AffinityClients.Inside;
        }
        return members;
    }

    private static void SetMembers(ServiceState state, ServiceBatch writes, uint id, Dictionary<uint, AffinityClients> wanted)
    {
        var present = state.Members.GetValueOrDefault(id) ?? [];
        foreach (var (backend, clients) in wanted)
        {
            if (!present.TryGetValue(backend, out var former) || former != clients)
                writes.Put(new AffinityMember(id, backend), clients);
        }
        foreach (var backend in present.Keys.Where(backend => !wanted.ContainsKey(backend)))
            writes.Delete(new AffinityMember(id, backend));
        if (wanted.Count > 0)
            state.Members[id] = wanted;
        else
            state.Members.Remove(id);
    }

    private static void SetRanges(ServiceState state, ServiceBatch writes, uint id, HashSet<SourceRangeKey> wanted)
    {
        var present = state.Ranges.GetValueOrDefault(id) ?? [];
        foreach (var range in wanted.Except(present))
            writes.Put(range);
        foreach (var range in present.Except(wanted))
            writes.Delete(range);
        if (wanted.Count > 0)
            state.Ranges[id] = wanted;
        else
            state.Ranges.Remove(id);
    }

    private static void Reference(ServiceState state, ServiceBatch writes, BackendRef backend)
    {
        var value = ServiceState.ValueOf(backend);
        if (!state.Backends.TryGetValue(backend.Address, out var known))
        {
            known = state.Backends[backend.Address] = new ServiceState.Backend(state.NewBackendId(), value);
            writes.Put(known.Id, value);
        }
        else if (known.Value != value)
        {
            known = state.Backends[backend.Address] = known with { Value = value };
            writes.Put(known.Id, value);
        }
        known.References++;
    }

    private static void Release(ServiceState state, ServiceBatch writes, L4Address address)
    {
        if (!state.Backends.TryGetValue(address, out var known) || --known.References > 0)
            return;
        state.RemoveBackend(address, known);
        writes.DeleteBackend(address, known.Id);
    }

    private static SlotValue SlotOf(ServiceState state, BackendRef backend)
    {
        var known = state.Backends[backend.Address];
        return new SlotValue(known.Id, known.Value.Address, known.Value.Port, known.Value.Protocol, 0);
    }

    private static FrontendFlags FlagsOf(FrontendRow row) => FlagsOf(row.Kind)
        | (row.ExternalIsLocal ? FrontendFlags.ExternalLocal : 0)
        | (row.Affinity > TimeSpan.Zero ? FrontendFlags.Affinity : 0)
        | (row.SourceRanges.Count > 0 ? FrontendFlags.SourceRange : 0);

    private static FrontendFlags FlagsOf(FrontendKind kind) => kind switch
    {
        FrontendKind.NodePort => FrontendFlags.NodePort | FrontendFlags.Routable,
        FrontendKind.LoadBalancer => FrontendFlags.LoadBalancer | FrontendFlags.Routable,
        FrontendKind.ExternalIPs => FrontendFlags.ExternalIP | FrontendFlags.Routable,
        _ => FrontendFlags.None,
    };
}
