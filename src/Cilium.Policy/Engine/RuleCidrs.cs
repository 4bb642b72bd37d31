using Cilium.Core;

namespace Cilium.Policy;

/// <summary>The prefixes that rules name, counted, and the local identities that stand for them.</summary>
/// <remarks>
/// An identity outlives its last rule by one commit: packets have it until the address row is gone, and must be judged as those of a wider prefix
/// in the policies of that commit.
/// </remarks>
internal sealed class RuleCidrs(LocalIdentityAllocator allocator)
{
    private readonly Dictionary<Prefix, int> _uses = [];
    private readonly Dictionary<Prefix, KnownIdentity> _held = [];
    private readonly Dictionary<Prefix, KnownIdentity> _leaving = [];
    private readonly HashSet<Prefix> _changed = [];

    public void Count(IEnumerable<PolicyRule> rules, int by)
    {
        foreach (var prefix in rules.SelectMany(PrefixesOf))
        {
            var uses = _uses.GetValueOrDefault(prefix) + by;
            _changed.Add(prefix);
            if (uses == 0)
            {
                _uses.Remove(prefix);
            }
            else
            {
                _uses[prefix] = uses;
            }
        }
    }

    /// <summary>Takes identities as the counts ask, gives back those that the commit before took leave of, and tells the selectors.</summary>
    public (Dictionary<Prefix, KnownIdentity> Added, Dictionary<Prefix, KnownIdentity> Removed) Commit(SelectorCache selectors)
    {
        var added = new Dictionary<Prefix, KnownIdentity>();
        var removed = new Dictionary<Prefix, KnownIdentity>();
        foreach (var prefix in _changed.Order())
        {
            var isWanted = _uses.ContainsKey(prefix);
            if (isWanted && !_held.ContainsKey(prefix))
            {
                if (!_leaving.Remove(prefix, out var identity))
                {
                    identity = allocator.Acquire(prefix);
                    selectors.Upsert(identity);
                }

                _held.Add(prefix, identity);
                added.Add(prefix, identity);
            }
            else if (!isWanted && _held.Remove(prefix, out var identity))
            {
                removed.Add(prefix, identity);
            }
        }

        _changed.Clear();
        ReleaseLeaving(selectors);
        foreach (var (prefix, identity) in removed)
        {
            _leaving.Add(prefix, identity);
        }

        return (added, removed);
    }

    private void ReleaseLeaving(SelectorCache selectors)
    {
        foreach (var (prefix, identity) in _leaving)
        {
            if (allocator.Release(prefix))
            {
                selectors.Remove(identity.Id);
            }
        }

        _leaving.Clear();
    }

    // A prefix of length 0 has no identity of its own: it is the world.
    private static IEnumerable<Prefix> PrefixesOf(PolicyRule rule) =>
        new[] { rule.Ingress.Allow, rule.Ingress.Deny, rule.Egress.Allow, rule.Egress.Deny }
            .SelectMany(list => list).SelectMany(element => element.Peers).OfType<CidrPeer>()
            .Where(peer => peer.Prefix.Length > 0).Select(peer => peer.Prefix);
}
