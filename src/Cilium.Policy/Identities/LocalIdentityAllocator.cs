using Cilium.Core;

namespace Cilium.Policy;

/// <summary>Numbers, from 16777217 on, for identities that only this node knows: prefixes outside the cluster.</summary>
/// <remarks>
/// One number per set of labels, counted by its users. Freed numbers are taken again last, so that what still carries an old number
/// (connections, events) does not soon meet a new owner. Thread-safe.
/// </remarks>
public sealed class LocalIdentityAllocator
{
    private const uint Last = Identity.LocalScope | 0x00ff_ffff;

    private readonly Lock _lock = new();
    private readonly ClusterFacts _cluster;
    private readonly Dictionary<LabelSet, Holding> _byLabels = [];
    private readonly HashSet<Identity> _numbers = [];
    private readonly Dictionary<Prefix, Identity> _wishes = [];
    private readonly HashSet<Identity> _wished = [];
    private uint _next = Identity.LocalScope + 1;

    /// <summary>Makes an empty allocator.</summary>
    public LocalIdentityAllocator(ClusterFacts cluster)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        _cluster = cluster;
    }

    /// <summary>Identities in use.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _byLabels.Count;
            }
        }
    }

    /// <summary>Takes one use of the identity of a prefix. A prefix of length 0 is the world's reserved identity.</summary>
    /// <exception cref="InvalidOperationException">All 16777215 numbers are in use.</exception>
    public KnownIdentity Acquire(Prefix prefix) => Acquire(CidrLabels.Of(prefix, _cluster), prefix);

    /// <summary>Takes one use of the identity of a set of labels.</summary>
    /// <param name="labels">The labels.</param>
    /// <param name="prefix">The prefix that will have the identity, whose number from before a restart is taken again; null for none.</param>
    /// <exception cref="InvalidOperationException">All 16777215 numbers are in use.</exception>
    public KnownIdentity Acquire(LabelSet labels, Prefix? prefix = null)
    {
        ArgumentNullException.ThrowIfNull(labels);
        if (ReservedIdentities.TryFind(labels, _cluster, out var reserved))
        {
            return new KnownIdentity(reserved, labels);
        }

        lock (_lock)
        {
            if (!_byLabels.TryGetValue(labels, out var holding))
            {
                holding = new Holding(new KnownIdentity(ChooseNumber(prefix), labels));
                _byLabels.Add(labels, holding);
                _numbers.Add(holding.Identity.Id);
            }

            holding.Uses++;
            return holding.Identity;
        }
    }

    /// <summary>Gives back one use; true when it was the last one. Unknown and reserved labels are ignored.</summary>
    public bool Release(Prefix prefix) => Release(CidrLabels.Of(prefix, _cluster));

    /// <summary>Gives back one use; true when it was the last one. Unknown and reserved labels are ignored.</summary>
    public bool Release(LabelSet labels)
    {
        lock (_lock)
        {
            if (!_byLabels.TryGetValue(labels, out var holding) || --holding.Uses > 0)
            {
                return false;
            }

            _byLabels.Remove(labels);
            _numbers.Remove(holding.Identity.Id);
            return true;
        }
    }

    /// <summary>
    /// Wishes that a prefix gets the number it had before a restart, once it is acquired; others avoid that number for good, since the
    /// kernel may hold it as long as nobody has taken it over. What the datapath holds of the
    /// last run then means the same in this one. Ignored for numbers outside the local scope and those in use.
    /// </summary>
    public void Restore(Prefix prefix, Identity identity)
    {
        lock (_lock)
        {
            if (identity.IsLocal && identity.Value != Identity.LocalScope && !_numbers.Contains(identity) && _wished.Add(identity))
            {
                _wishes[prefix] = identity;
            }
        }
    }

    private Identity ChooseNumber(Prefix? prefix)
    {
        if (prefix is { } known && _wishes.Remove(known, out var wish))
        {
            _wished.Remove(wish);
            return wish;
        }

        for (var tried = 0u; tried < Last - Identity.LocalScope; tried++)
        {
            var identity = new Identity(_next);
            _next = _next == Last ? Identity.LocalScope + 1 : _next + 1;
            if (!_numbers.Contains(identity) && !_wished.Contains(identity))
            {
                return identity;
            }
        }

        throw new InvalidOperationException("all identities of the local scope are in use");
    }

    private sealed class Holding(KnownIdentity identity)
    {
        public KnownIdentity Identity { get; } = identity;

        public int Uses { get; set; }
    }
}
