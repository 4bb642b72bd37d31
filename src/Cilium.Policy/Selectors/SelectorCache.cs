using Cilium.Core;

namespace Cilium.Policy;

/// <summary>Which identities each selector in use matches, kept current as identities come and go.</summary>
/// <remarks>
/// A change of one identity costs one evaluation for each distinct selector, but for selectors of prefixes, of which only those are asked that may
/// contain it. Not thread-safe: its engine holds the lock.
/// </remarks>
internal sealed class SelectorCache
{
    private readonly ClusterFacts _cluster;
    private readonly IdentityCache _identities;
    private readonly Dictionary<PeerSelector, SelectorMatches> _selectors = [];
    private readonly HashSet<SelectorMatches> _asked = [];
    private readonly CidrIndex _cidrs = new();
    private readonly HashSet<SelectorMatches> _changed = [];

    /// <summary>Makes an empty cache over some identities, which from now on are told here.</summary>
    public SelectorCache(ClusterFacts cluster, IdentityCache identities)
    {
        _cluster = cluster;
        _identities = identities;
        foreach (var identity in identities.All)
        {
            _cidrs.Add(identity);
        }
    }

    /// <summary>Distinct selectors in use.</summary>
    public int Count => _selectors.Count;

    /// <summary>Takes one use of a selector.</summary>
    public SelectorMatches Acquire(PeerSelector selector)
    {
        ArgumentNullException.ThrowIfNull(selector);
        if (!_selectors.TryGetValue(selector, out var matches))
        {
            matches = new SelectorMatches(selector);
            if (CidrIndex.Includes(selector))
            {
                _cidrs.Add(matches);
                matches.Set.UnionWith(_cidrs.Within(matches));
            }
            else
            {
                _asked.Add(matches);
                matches.Set.UnionWith(_identities.All.Where(identity => selector.Matches(identity, _cluster)).Select(identity => identity.Id));
            }

            _selectors.Add(selector, matches);
        }

        matches.Uses++;
        return matches;
    }

    /// <summary>Gives back one use; the last one forgets the selector.</summary>
    public void Release(SelectorMatches matches)
    {
        ArgumentNullException.ThrowIfNull(matches);
        if (--matches.Uses == 0)
        {
            _selectors.Remove(matches.Selector);
            if (!_asked.Remove(matches))
            {
                _cidrs.Remove(matches);
            }

            _changed.Remove(matches);
        }
    }

    /// <summary>Tells a new identity, or new labels of a known one.</summary>
    public void Upsert(KnownIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(identity);
        _identities.TryGet(identity.Id, out var before);
        if (!_identities.Upsert(identity))
        {
            return;
        }

        foreach (var matches in _asked)
        {
            Apply(matches, identity.Id, matches.Selector.Matches(identity, _cluster));
        }

        if (before is not null)
        {
            Forget(before);
        }

        // What contained it before and does again was not changed by going and coming.
        _cidrs.Add(identity);
        foreach (var matches in _cidrs.Containing(identity))
        {
            Apply(matches, identity.Id, true);
        }
    }

    /// <summary>Tells that an identity is gone.</summary>
    public void Remove(Identity identity)
    {
        if (!_identities.TryGet(identity, out var before) || !_identities.Remove(identity))
        {
            return;
        }

        foreach (var matches in _asked)
        {
            Apply(matches, identity, false);
        }

        Forget(before);
    }

    /// <summary>The selectors whose identities changed since the last call, with what changed; then forgets the changes.</summary>
    public IReadOnlyList<SelectorDelta> TakeDeltas()
    {
        var deltas = new List<SelectorDelta>(_changed.Count);
        foreach (var matches in _changed)
        {
            if (matches.Changed.Count > 0)
            {
                deltas.Add(new SelectorDelta(
                    matches,
                    [.. matches.Changed.Where(matches.Set.Contains)],
                    [.. matches.Changed.Where(identity => !matches.Set.Contains(identity))]));
                matches.Changed.Clear();
            }
        }

        _changed.Clear();
        return deltas;
    }

    private void Forget(KnownIdentity before)
    {
        _cidrs.Remove(before);
        foreach (var matches in _cidrs.Containing(before))
        {
            Apply(matches, before.Id, false);
        }
    }

    private void Apply(SelectorMatches matches, Identity identity, bool isMatch)
    {
        if (isMatch ? matches.Set.Add(identity) : matches.Set.Remove(identity))
        {
            // Twice changed is unchanged.
            if (!matches.Changed.Remove(identity))
            {
                matches.Changed.Add(identity);
            }

            _changed.Add(matches);
        }
    }
}
