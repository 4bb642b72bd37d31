using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Cilium.Core;

namespace Cilium.Policy;

/// <summary>What decides a policy but for the identities: equal plans have equal policies at all times.</summary>
internal sealed record PlanSignature(bool IngressEnforced, bool EgressEnforced, EquatableArray<int> Items, EquatableArray<NamedPort> NamedPorts);

/// <summary>A plan with its present policy.</summary>
internal sealed class PolicyPlan
{
    private readonly IReadOnlyDictionary<Identity, EquatableArray<NamedPort>> _remotePorts;

    public PolicyPlan(
        PolicyContentId id, PlanSignature signature, PlanItem[] items, IReadOnlyDictionary<Identity, EquatableArray<NamedPort>> remotePorts)
    {
        Id = id;
        Signature = signature;
        Items = items;
        _remotePorts = remotePorts;
        HasRemoteNames = items.Any(item => item.HasRemoteNames);
        Policy = new CompiledPolicy(signature.IngressEnforced, signature.EgressEnforced, CompileAll());
    }

    public PolicyContentId Id { get; }

    public PlanSignature Signature { get; }

    public PlanItem[] Items { get; }

    public bool HasRemoteNames { get; }

    public CompiledPolicy Policy { get; private set; }

    public int Subjects { get; set; }

    /// <summary>Compiles the entries of some identities anew, given in order, and leaves all others as they are.</summary>
    public PolicyDifference Recompile(SortedSet<Identity> sortedIdentities)
    {
        var byIdentity = ItemsOf(sortedIdentities);
        var before = Policy.Entries.AsSpan();
        var upserts = new List<PolicyEntry>();
        var deletes = new List<PolicyEntry>();
        var slices = new List<PolicyEntry>();
        var ranges = new List<(int Start, int End, int SliceEnd)>();
        foreach (var direction in (ReadOnlySpan<TrafficDirection>)[TrafficDirection.Ingress, TrafficDirection.Egress])
        {
            foreach (var identity in sortedIdentities)
            {
                var start = LowerBound(before, direction, identity);
                var end = LowerBound(before, direction, new Identity(identity.Value + 1));
                var sliceStart = slices.Count;
                Compile(direction, identity, byIdentity.GetValueOrDefault(identity) ?? [], slices);
                PolicyDifference.Compare(before[start..end], CollectionsMarshal.AsSpan(slices)[sliceStart..], upserts, deletes);
                ranges.Add((start, end, slices.Count));
            }
        }

        if (upserts.Count > 0 || deletes.Count > 0)
        {
            Policy = Policy with { Entries = Splice(before, slices, ranges) };
        }

        return PolicyDifference.Ordered(upserts, deletes);
    }

    /// <summary>The items of each of some identities. Of identities and what a selector matches, the fewer are gone through: both may be many.</summary>
    private Dictionary<Identity, List<PlanItem>> ItemsOf(SortedSet<Identity> identities)
    {
        var byIdentity = new Dictionary<Identity, List<PlanItem>>();
        foreach (var item in Items)
        {
            if (item.IsWildcard)
            {
                foreach (var identity in identities)
                {
                    Note(byIdentity, identity, item);
                }
            }

            foreach (var selector in item.Selectors)
            {
                if (selector.Set.Count < identities.Count)
                {
                    foreach (var identity in selector.Set)
                    {
                        if (identities.Contains(identity))
                        {
                            Note(byIdentity, identity, item);
                        }
                    }
                }
                else
                {
                    foreach (var identity in identities)
                    {
                        if (selector.Contains(identity))
                        {
                            Note(byIdentity, identity, item);
                        }
                    }
                }
            }
        }

        return byIdentity;
    }

    /// <summary>Copies entries, with the content of some ranges, which are in order, replaced.</summary>
    private static EquatableArray<PolicyEntry> Splice(
        ReadOnlySpan<PolicyEntry> before, List<PolicyEntry> slices, List<(int Start, int End, int SliceEnd)> ranges)
    {
        var after = ImmutableArray.CreateBuilder<PolicyEntry>(before.Length - ranges.Sum(range => range.End - range.Start) + slices.Count);
        int copied = 0, sliceStart = 0;
        foreach (var (start, end, sliceEnd) in ranges)
        {
            after.AddRange(before[copied..start]);
            after.AddRange(CollectionsMarshal.AsSpan(slices)[sliceStart..sliceEnd]);
            (copied, sliceStart) = (end, sliceEnd);
        }

        after.AddRange(before[copied..]);
        return new EquatableArray<PolicyEntry>(after.MoveToImmutable());
    }

    private EquatableArray<PolicyEntry> CompileAll()
    {
        var byIdentity = new Dictionary<Identity, List<PlanItem>>();
        foreach (var item in Items)
        {
            if (item.IsWildcard)
            {
                Note(byIdentity, Identity.Unknown, item);
            }

            foreach (var selector in item.Selectors)
            {
                foreach (var identity in selector.Set)
                {
                    Note(byIdentity, identity, item);
                }
            }

            if (item.IsWildcard && item.HasRemoteNames)
            {
                foreach (var identity in _remotePorts.Keys)
                {
                    Note(byIdentity, identity, item);
                }
            }
        }

        var identities = byIdentity.Keys.ToArray();
        Array.Sort(identities);
        var entries = new List<PolicyEntry>(identities.Length);
        foreach (var direction in (ReadOnlySpan<TrafficDirection>)[TrafficDirection.Ingress, TrafficDirection.Egress])
        {
            // Most identities are in the same few rules: their ports are worked out once.
            var shapes = new Dictionary<EquatableArray<int>, (int Start, int Count)>();
            foreach (var identity in identities)
            {
                var items = byIdentity[identity];
                var isShared = !HasRemoteNames && identity != Identity.Unknown;
                var shape = isShared ? items.Select(item => item.Id).ToEquatableArray() : default;
                if (isShared && shapes.TryGetValue(shape, out var range))
                {
                    for (var i = 0; i < range.Count; i++)
                    {
                        var entry = entries[range.Start + i];
                        entries.Add(entry with { Key = entry.Key with { Identity = identity } });
                    }

                    continue;
                }

                var start = entries.Count;
                Compile(direction, identity, items, entries);
                if (isShared)
                {
                    shapes.Add(shape, (start, entries.Count - start));
                }
            }
        }

        return entries.ToEquatableArray();
    }

    private void Compile(TrafficDirection direction, Identity identity, IEnumerable<PlanItem> items, List<PolicyEntry> output)
    {
        var denied = new HashSet<PortKey>();
        var allowed = new HashSet<PortKey>();
        foreach (var item in items)
        {
            if (item.Content.Direction != direction)
            {
                continue;
            }

            var keys = item.Content.IsDeny ? denied : allowed;
            // Everybody's entries stand under the wildcard identity only, except ports that depend on the peer.
            if (item.IsWildcard == (identity == Identity.Unknown))
            {
                item.AddKeys(keys);
                if (direction == TrafficDirection.Ingress)
                {
                    item.AddNamedKeys(keys, Signature.NamedPorts);
                }
            }

            if (item.HasRemoteNames && _remotePorts.TryGetValue(identity, out var ports))
            {
                item.AddNamedKeys(keys, ports);
            }
        }

        // An allow under a deny of the same identity would be the longer match, and hide it.
        var start = output.Count;
        foreach (var key in allowed)
        {
            if (!key.IsCoveredBy(denied))
            {
                output.Add(new PolicyEntry(key.With(direction, identity), PolicyVerdict.Allow));
            }
        }

        foreach (var key in denied)
        {
            output.Add(new PolicyEntry(key.With(direction, identity), PolicyVerdict.Deny));
        }

        output.Sort(start, output.Count - start, s_byKey);
    }

    private static readonly Comparer<PolicyEntry> s_byKey = Comparer<PolicyEntry>.Create((left, right) => left.Key.CompareTo(right.Key));

    private static void Note(Dictionary<Identity, List<PlanItem>> byIdentity, Identity identity, PlanItem item)
    {
        if (!byIdentity.TryGetValue(identity, out var items))
        {
            byIdentity.Add(identity, items = []);
        }

        // Items come one after the other, so an item that several selectors led here is the last one.
        if (items.Count == 0 || items[^1] != item)
        {
            items.Add(item);
        }
    }

    private static int LowerBound(ReadOnlySpan<PolicyEntry> entries, TrafficDirection direction, Identity identity)
    {
        int low = 0, high = entries.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            var key = entries[middle].Key;
            if (key.Direction < direction || (key.Direction == direction && key.Identity < identity))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
