using System.Runtime.InteropServices;
using Cilium.Core;
using Cilium.Datapath.IpCache;

namespace Cilium.ControlPlane.Addresses;

/// <summary>What every source says of every prefix, and which of them is believed. Costs what a change costs, not what the table holds.</summary>
/// <remarks>Not thread-safe. Nearly all prefixes are spoken of once: only further claims have a collection of their own.</remarks>
internal sealed class AddressClaims
{
    private const int WorthTrimming = 4096;
    private readonly Dictionary<ClaimSource, IpCacheRow[]> _bySource = [];
    private readonly Dictionary<Prefix, Claim> _byPrefix = [];
    private HashSet<Prefix> _changed = [];

    /// <summary>What is believed of a prefix, and what others say of it.</summary>
    private record struct Claim(ClaimSource Source, IpCacheRow Row, SortedDictionary<ClaimSource, IpCacheRow>? Others);

    /// <summary>Sets everything that one source object says, in the place of what it said before; nothing to withdraw it.</summary>
    public void Set(AddressSource source, string name, params IpCacheRow[] rows) => Set(new ClaimSource(source, "", name), rows);

    /// <summary>The same for an object of a namespace. The array is kept.</summary>
    public void Set(ClaimSource source, params IpCacheRow[] rows)
    {
        _bySource.Remove(source, out var before);
        if (rows.Length > 0)
        {
            _bySource[source] = rows;
        }

        Change(source, before ?? [], rows);
    }

    /// <summary>Sets what a source says whose former words the caller knows: of thousands of objects they are not kept here as well.</summary>
    public void Change(ClaimSource source, IpCacheRow[] before, IpCacheRow[] rows)
    {
        foreach (var row in before)
        {
            Withdraw(source, row.Prefix);
            _changed.Add(row.Prefix);
        }

        foreach (var row in rows)
        {
            Enter(source, row);
            _changed.Add(row.Prefix);
        }
    }

    /// <summary>The prefixes touched since the last call with what is believed of them now; null for nothing.</summary>
    public IReadOnlyList<(Prefix Prefix, IpCacheRow? Row)> TakeChanges()
    {
        var changes = new List<(Prefix, IpCacheRow?)>(_changed.Count);
        foreach (var prefix in _changed)
        {
            changes.Add((prefix, _byPrefix.TryGetValue(prefix, out var claim) ? claim.Row : null));
        }

        if (_changed.Count > WorthTrimming)
        {
            // The first round brings nearly all there will be.
            _byPrefix.TrimExcess();
        }

        _changed = [];
        return changes;
    }

    private void Enter(ClaimSource source, IpCacheRow row)
    {
        ref var claim = ref CollectionsMarshal.GetValueRefOrAddDefault(_byPrefix, row.Prefix, out var isKnown);
        if (!isKnown || claim.Source == source)
        {
            (claim.Source, claim.Row) = (source, row);
            return;
        }

        claim.Others ??= [];
        if (source.CompareTo(claim.Source) < 0)
        {
            claim.Others.Remove(source);
            claim.Others[claim.Source] = claim.Row;
            (claim.Source, claim.Row) = (source, row);
        }
        else
        {
            claim.Others[source] = row;
        }
    }

    private void Withdraw(ClaimSource source, Prefix prefix)
    {
        ref var claim = ref CollectionsMarshal.GetValueRefOrNullRef(_byPrefix, prefix);
        // A source that named a prefix twice has withdrawn it already.
        if (System.Runtime.CompilerServices.Unsafe.IsNullRef(ref claim))
        {
            return;
        }

        if (claim.Source != source)
        {
            claim.Others?.Remove(source);
        }
        else if (claim.Others is { Count: > 0 } others)
        {
            (claim.Source, claim.Row) = others.First();
            others.Remove(claim.Source);
        }
        else
        {
            _byPrefix.Remove(prefix);
            return;
        }

        if (claim.Others is { Count: 0 })
        {
            claim.Others = null;
        }
    }
}
