using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Cilium.Core;

namespace Cilium.Policy;

/// <summary>All identities that the node knows, with their labels: reserved ones from the start, others as they are told.</summary>
/// <remarks>Thread-safe for readers beside one writer.</remarks>
public sealed class IdentityCache
{
    private readonly ConcurrentDictionary<Identity, KnownIdentity> _byNumber = new();
    private readonly ConcurrentDictionary<LabelSet, ImmutableSortedSet<Identity>> _byLabels = new();

    /// <summary>Makes a cache with the reserved identities.</summary>
    public IdentityCache(ClusterFacts cluster)
    {
        foreach (var identity in ReservedIdentities.All(cluster))
        {
            Upsert(identity);
        }
    }

    /// <summary>Identities known.</summary>
    public int Count => _byNumber.Count;

    /// <summary>The identities, in no order; safe while others write.</summary>
    public IEnumerable<KnownIdentity> All => _byNumber.Select(pair => pair.Value);

    /// <summary>Finds the labels of a number.</summary>
    public bool TryGet(Identity identity, [NotNullWhen(true)] out KnownIdentity? known) => _byNumber.TryGetValue(identity, out known);

    /// <summary>Finds the number of a set of labels; the smallest when there are several, as for a moment when two agents race.</summary>
    public bool TryFind(LabelSet labels, out Identity identity)
    {
        var isKnown = _byLabels.TryGetValue(labels, out var numbers) && !numbers.IsEmpty;
        identity = isKnown ? numbers!.Min : Identity.Unknown;
        return isKnown;
    }

    /// <summary>Tells the labels of a number; false when they were known.</summary>
    public bool Upsert(KnownIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(identity);
        if (_byNumber.TryGetValue(identity.Id, out var before) && before.Labels.Equals(identity.Labels))
        {
            return false;
        }

        if (before is not null)
        {
            ForgetLabels(before);
        }

        _byNumber[identity.Id] = identity;
        _byLabels[identity.Labels] = _byLabels.GetValueOrDefault(identity.Labels, ImmutableSortedSet<Identity>.Empty).Add(identity.Id);
        return true;
    }

    /// <summary>Forgets a number; false when it was unknown.</summary>
    public bool Remove(Identity identity)
    {
        if (!_byNumber.TryRemove(identity, out var before))
        {
            return false;
        }

        ForgetLabels(before);
        return true;
    }

    private void ForgetLabels(KnownIdentity before)
    {
        var rest = _byLabels[before.Labels].Remove(before.Id);
        if (rest.IsEmpty)
        {
            _byLabels.TryRemove(before.Labels, out _);
        }
        else
        {
            _byLabels[before.Labels] = rest;
        }
    }
}
