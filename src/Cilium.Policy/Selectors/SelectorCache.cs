using Cilium.Core;

namespace Cilium.Policy;

/// <summary>Which identities each selector in use matches, kept current as identities come and go.</summary>
/// <remarks>A change of one identity costs one evaluation for each distinct selector. Not thread-safe: its engine holds the lock.</remarks>
public sealed class SelectorCache
{
    private readonly ClusterFacts _cluster;
    private readonly IdentityCache _identities;
    private readonly Dictionary<PeerSelector, SelectorMatches> _selectors = [];
    private readonly HashSet<SelectorMatches> _changed = [];

    /// <summary>Makes an empty cache over some identities, which from now on are told here.</summary>
    public SelectorCache(ClusterFacts cluster, IdentityCache identities)
    {
        _cluster = cluster;
        _identities = identities;
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
            foreach (var identity in _identities.All)
            {
                if (selector.Matches(identity, _cluster))
                {
                    matches.Set.Add(identity.Id);
                }
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
            _changed.Remove(matches);
        }
    }

    /// <summary>Tells a new identity, or new labels of a known one.</summary>
    public void Upsert(KnownIdentity identity)
    {
        if (_identities.Upsert(identity))
        {
            foreach (var matches in _selectors.Values)
            {
                Apply(matches, identity.Id, matches.Selector.Matches(identity, _cluster));
            }
        }
    }

    /// <summary>Tells that an identity is gone.</summary>
    public void Remove(Identity identity)
    {
        if (_identities.Remove(identity))
        {
            foreach (var matches in _selectors.Values)
            {
                Apply(matches, identity, false);
            }
        }
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
