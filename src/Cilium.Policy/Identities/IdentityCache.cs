using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Cilium.Core;

namespace Cilium.Policy;

/// <summary>All identities that the node knows, with their labels: reserved ones from the start, others as they are told.</summary>
/// <remarks>Thread-safe for readers beside one writer.</remarks>
public sealed class IdentityCache
{
    private readonly ConcurrentDictionary<Identity, KnownIdentity> _byNumber = new();

    /// <summary>Makes a cache with the reserved identities.</summary>
    public IdentityCache(ClusterFacts cluster)
    {
        foreach (var identity in ReservedIdentities.All(cluster))
        {
            _byNumber[identity.Id] = identity;
        }
    }

    /// <summary>Identities known.</summary>
    public int Count => _byNumber.Count;

    /// <summary>The identities, in no order; safe while others write.</summary>
    public IEnumerable<KnownIdentity> All => _byNumber.Select(pair => pair.Value);

    /// <summary>Finds the labels of a number.</summary>
    public bool TryGet(Identity identity, [NotNullWhen(true)] out KnownIdentity? known) => _byNumber.TryGetValue(identity, out known);

    /// <summary>Tells the labels of a number; false when they were known.</summary>
    public bool Upsert(KnownIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(identity);
        if (_byNumber.TryGetValue(identity.Id, out var before) && before.Labels.Equals(identity.Labels))
        {
            return false;
        }

        _byNumber[identity.Id] = identity;
        return true;
    }

    /// <summary>Forgets a number; false when it was unknown.</summary>
    public bool Remove(Identity identity) => _byNumber.TryRemove(identity, out _);
}
