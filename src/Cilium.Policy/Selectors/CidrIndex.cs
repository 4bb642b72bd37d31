using Cilium.Core;

namespace Cilium.Policy;

/// <summary>Which identities lie within a prefix, and which selectors of prefixes contain an identity, without a look at all of them.</summary>
/// <remarks>One rule with exceptions may name tens of thousands of prefixes, each with its identity.</remarks>
internal sealed class CidrIndex
{
    // Covering prefixes sort before what they cover, so what a prefix contains is one range, but for IPv4 in the midst of the shortest of IPv6.
    private readonly SortedSet<(Prefix Prefix, Identity Identity)> _identities = [];
    private readonly Dictionary<Prefix, SelectorMatches> _selectors = [];

    /// <summary>True when the identities of a selector are exactly those whose prefix it contains.</summary>
    public static bool Includes(PeerSelector selector) => selector is CidrPeer { IncludesWorld: false };

    public void Add(KnownIdentity identity)
    {
        if (identity.Cidr is { } prefix)
        {
            _identities.Add((prefix, identity.Id));
        }
    }

    public void Remove(KnownIdentity identity)
    {
        if (identity.Cidr is { } prefix)
        {
            _identities.Remove((prefix, identity.Id));
        }
    }

    public void Add(SelectorMatches matches) => _selectors.Add(PrefixOf(matches), matches);

    public void Remove(SelectorMatches matches) => _selectors.Remove(PrefixOf(matches));

    /// <summary>The identities that a selector matches.</summary>
    public IEnumerable<Identity> Within(SelectorMatches matches)
    {
        var prefix = PrefixOf(matches);
        var last = (Prefix.Of(prefix.LastAddress), new Identity(uint.MaxValue));
        foreach (var entry in _identities.GetViewBetween((prefix, new Identity(0)), last))
        {
            if (prefix.Contains(entry.Prefix))
            {
                yield return entry.Identity;
            }
        }
    }

    /// <summary>The selectors that match an identity.</summary>
    public IEnumerable<SelectorMatches> Containing(KnownIdentity identity)
    {
        if (identity.Cidr is not { } prefix)
        {
            yield break;
        }

        for (var length = (int)prefix.Length; length >= 0; length--)
        {
            if (_selectors.TryGetValue(new Prefix(prefix.Address, length), out var matches))
            {
                yield return matches;
            }
        }
    }

    private static Prefix PrefixOf(SelectorMatches matches) => ((CidrPeer)matches.Selector).Prefix;
}
