using Cilium.Bpf;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;
using EntryKey = Cilium.Datapath.Maps.PolicyKey;

namespace Cilium.Datapath.Policies;

/// <summary>
/// The array of policies: content by key, shared between endpoints. A new content is built aside in an empty inner map, and endpoints
/// are switched to its index; inner maps are put into the array in batches ahead of need, since each insertion costs a grace period.
/// Safe for use from many threads.
/// </summary>
internal sealed class PolicySlots : IDisposable
{
    /// <summary>The index of endpoints without a policy; its inner map stays empty.</summary>
    internal const uint NoPolicy = 0;
    private const int RefillBatch = 64;
    private const int RefillBelow = 24;

    private readonly DatapathMaps _maps;
    private readonly MapShape _innerShape;
    private readonly Func<MapShape, BpfMap> _create;
    private readonly Lock _lock = new();
    private readonly Dictionary<PolicyContentKey, PolicySlot> _slots = [];
    private readonly List<PolicySlot> _inherited = [];
    private readonly Queue<PolicySlot> _empty = new();
    private readonly Queue<uint> _bare = new();
    private readonly PolicyCounters _counters;
    private uint _nextStamp;
    private bool _isRefilling;

    /// <param name="maps">The node's maps.</param>
    /// <param name="innerShape">What each inner map looks like.</param>
    /// <param name="create">Makes an inner map where the array lives; null for the kernel.</param>
    internal PolicySlots(DatapathMaps maps, MapShape innerShape, Func<MapShape, BpfMap>? create = null)
    {
        _create = create ?? (static shape => CreateInner(shape, BpfEngine.Kernel));
        _maps = maps;
        _innerShape = innerShape;
        _nextStamp = maps.PolicyStamps.ToDictionary().Values.DefaultIfEmpty().Max() + 1;
        var present = maps.Policies.ReadIds();
        var resized = new List<(uint Id, BpfMap Inner)>();
        _counters = new PolicyCounters(maps.PolicyStats.Clear);
        for (var id = 0u; id < maps.Policies.Shape.MaxEntries; id++)
        {
            if (!present.ContainsKey(id))
            {
                if (id != NoPolicy)
                    _bare.Enqueue(id);
                continue;
            }
            if (id == NoPolicy || maps.Policies.OpenOrNull(id) is not { } opened)
                continue;
            var inner = opened.As<EntryKey, PolicyValue>();
            var content = inner.ToDictionary();
            if (opened.Shape.MaxEntries != innerShape.MaxEntries && content.Count <= innerShape.MaxEntries)
                resized.Add((id, inner = Resize(inner, content)));
            var slot = new PolicySlot(id, inner, content, _counters);
            if (content.Count == 0)
                _empty.Enqueue(slot);
            else
                _inherited.Add(slot);
        }
        // Each is complete before it takes its place, and says the same: no packet notices.
        if (resized.Count > 0)
            maps.Policies.UpdateBatch([.. resized.Select(inner => inner.Id)], [.. resized.Select(inner => inner.Inner)]);
        _counters.Reserve(_inherited.SelectMany(slot => slot.Content.Values).Select(value => value.Counter).ToHashSet());
        if (!present.ContainsKey(NoPolicy))
            InsertNoPolicy();
        Refill();
    }

    /// <summary>An empty inner map on an engine.</summary>
    internal static BpfMap CreateInner(MapShape shape, BpfEngine engine) => BpfMap.Create("policy_inner", shape, engine);

    /// <summary>Whether it is time for <see cref="Refill"/>.</summary>
    internal bool IsLow
    {
        get
        {
            lock (_lock)
                return _empty.Count < RefillBelow && _bare.Count > 0;
        }
    }

    /// <summary>Indices that hold a policy of ours, with the number of endpoints that use each.</summary>
    internal IReadOnlyDictionary<PolicyContentKey, (uint Id, int References)> InUse()
    {
        lock (_lock)
            return _slots.ToDictionary(entry => entry.Key, entry => (entry.Value.Id, entry.Value.References));
    }

    /// <summary>The index of a policy, written completely if it was not there; one more endpoint uses it.</summary>
    internal uint Acquire(PolicyRow row)
    {
        if (IsEmptyOfRoom())
            Refill();
        lock (_lock)
        {
            var slot = Install(row);
            slot.References++;
            return slot.Id;
        }
    }

    /// <summary>One endpoint less uses the policy.</summary>
    internal void Release(PolicyContentKey key)
    {
        lock (_lock)
        {
            if (!_slots.TryGetValue(key, out var slot))
                return;
            slot.References--;
            FreeIfUnused(key, slot);
        }
    }

    /// <summary>Makes the map match the row, in place when endpoints use it already.</summary>
    internal void Apply(PolicyRow row)
    {
        if (IsEmptyOfRoom())
            Refill();
        lock (_lock)
        {
            var slot = Install(row);
            var desired = PolicyContent.Of(row);
            if (!PolicyContent.AreEqual(slot.Content, desired))
                Write(slot, desired);
        }
    }

    /// <summary>The policy is no longer desired; its index is freed when no endpoint uses it.</summary>
    internal void Forget(PolicyContentKey key)
    {
        lock (_lock)
        {
            if (!_slots.TryGetValue(key, out var slot))
                return;
            slot.IsDesired = false;
            FreeIfUnused(key, slot);
        }
    }

    /// <summary>Frees what an earlier agent left, once every endpoint row has been written anew.</summary>
    internal void PruneInherited()
    {
        lock (_lock)
        {
            var used = _maps.Endpoints.ToDictionary().Values.Select(row => row.PolicyId).ToHashSet();
            foreach (var slot in _inherited.Where(slot => !used.Contains(slot.Id)).ToArray())
            {
                Write(slot, []);
                _inherited.Remove(slot);
                _empty.Enqueue(slot);
            }
        }
    }

    /// <summary>Puts empty inner maps into the array, many in one call. Costs a grace period (about 10 ms) outside the lock.</summary>
    internal void Refill()
    {
        uint[] ids;
        lock (_lock)
        {
            if (_isRefilling || _empty.Count >= RefillBelow)
                return;
            _isRefilling = true;
            ids = [.. Enumerable.Range(0, Math.Min(RefillBatch, _bare.Count)).Select(_ => _bare.Dequeue())];
        }
        var inners = new List<BpfMap>(ids.Length);
        var filled = false;
        try
        {
            foreach (var _ in ids)
                inners.Add(_create(_innerShape));
            _maps.Policies.UpdateBatch(ids, inners.ToArray());
            filled = true;
        }
        finally
        {
            lock (_lock)
            {
                _isRefilling = false;
                for (var i = 0; i < ids.Length; i++)
                {
                    if (filled)
                        _empty.Enqueue(new PolicySlot(ids[i], inners[i].As<EntryKey, PolicyValue>(), [], _counters));
                    else
                        _bare.Enqueue(ids[i]);
                }
            }
            // A refusal may pass: the next that asks begins anew, over what of it reached the array.
            if (!filled)
                inners.ForEach(inner => inner.Dispose());
        }
    }

    /// <summary>Closes the inner maps; the array keeps them.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var slot in _slots.Values.Concat(_inherited).Concat(_empty))
                slot.Close();
        }
    }

    private bool IsEmptyOfRoom()
    {
        lock (_lock)
            return _empty.Count == 0;
    }

    private PolicySlot Install(PolicyRow row)
    {
        if (_slots.TryGetValue(row.Key, out var present))
        {
            present.IsDesired = true;
            return present;
        }
        var desired = PolicyContent.Of(row);
        var slot = _inherited.Find(old => PolicyContent.AreEqual(old.Content, desired));
        if (slot is not null)
        {
            // The same policy as before the restart: verdicts cached under its stamp stay true.
            _inherited.Remove(slot);
        }
        else
        {
            if (!_empty.TryDequeue(out slot))
                throw new MapFullException(_maps.Policies, 1);
            try
            {
                Write(slot, desired);
            }
            catch (MapFullException)
            {
                Empty(slot);
                throw;
            }
            catch (KernelException)
            {
                // What was written of it goes when the index is taken again.
                _empty.Enqueue(slot);
                throw;
            }
        }
        slot.IsDesired = true;
        _slots[row.Key] = slot;
        return slot;
    }

    private void FreeIfUnused(PolicyContentKey key, PolicySlot slot)
    {
        if (slot.IsDesired || slot.References > 0)
            return;
        _slots.Remove(key);
        try
        {
            Write(slot, []);
        }
        finally
        {
            // Also when the kernel refuses: nobody names the index, and the next content replaces what is left in it.
            _empty.Enqueue(slot);
        }
    }

    private void Empty(PolicySlot slot)
    {
        try
        {
            slot.Change([]);
        }
        finally
        {
            _empty.Enqueue(slot);
        }
    }

    private void Write(PolicySlot slot, Dictionary<EntryKey, PolicyValue> desired)
    {
        // Stamp 0 forbids caching while the content changes; the new stamp makes every connection ask once. The index without a policy remembers how far
        // stamps have come: a crash after this zero would otherwise forget the newest, which connections still name, and it would be given again.
        _maps.PolicyStamps.Update(NoPolicy, _nextStamp++);
        _maps.PolicyStamps.Update(slot.Id, 0);
        slot.Change(desired);
        _maps.PolicyStamps.Update(slot.Id, _nextStamp++);
    }

    // Another size was configured since: one in which the content has no place is left as it was.
    private BpfMap<EntryKey, PolicyValue> Resize(BpfMap<EntryKey, PolicyValue> former, Dictionary<EntryKey, PolicyValue> content)
    {
        using (former)
        {
            var inner = _create(_innerShape).As<EntryKey, PolicyValue>();
            if (content.Count > 0)
                MapFullException.ThrowIfShort(inner, content.Keys.ToArray(), content.Values.ToArray());
            return inner;
        }
    }

    private void InsertNoPolicy()
    {
        using var inner = _create(_innerShape);
        _maps.Policies.UpdateBatch([NoPolicy], [inner]);
    }
}
