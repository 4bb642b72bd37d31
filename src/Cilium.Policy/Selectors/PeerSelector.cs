using Cilium.Core;

namespace Cilium.Policy;

/// <summary>Whom one member of a rule names: a set of identities, decided by their labels.</summary>
public abstract record PeerSelector
{
    private protected PeerSelector()
    {
    }

    /// <summary>Selects everybody, unknown identities included.</summary>
    public static PeerSelector All { get; } = new EntityPeer(Entity.All);

    /// <summary>True when everybody is selected: the wildcard of policy keys.</summary>
    public virtual bool IsWildcard => false;

    /// <summary>True when the identity is selected.</summary>
    public abstract bool Matches(KnownIdentity identity, ClusterFacts cluster);
}

/// <summary>Peers by labels, already scoped to their namespaces.</summary>
/// <param name="Selector">The condition on the identity's labels.</param>
public sealed record LabelPeer(LabelSelector Selector) : PeerSelector
{
    /// <inheritdoc/>
    public override bool IsWildcard => Selector.IsWildcard;

    /// <inheritdoc/>
    public override bool Matches(KnownIdentity identity, ClusterFacts cluster) => Selector.Matches(identity.Labels);

    /// <inheritdoc/>
    public override string ToString() => Selector.ToString();
}

/// <summary>Peers by role.</summary>
/// <param name="Entity">The role.</param>
public sealed record EntityPeer(Entity Entity) : PeerSelector
{
    /// <inheritdoc/>
    public override bool IsWildcard => Entity == Entity.All;

    /// <inheritdoc/>
    public override bool Matches(KnownIdentity identity, ClusterFacts cluster) => Entity switch
    {
        Entity.All => true,
        Entity.None => false,
        Entity.World => identity.HasReserved("world") || identity.HasReserved("world-ipv4") || identity.HasReserved("world-ipv6"),
        Entity.Cluster => IsOfCluster(identity, cluster),
        _ => identity.HasReserved(EntityNames.NameOf(Entity)),
    };

    /// <inheritdoc/>
    public override string ToString() => "entity " + EntityNames.NameOf(Entity);

    private static bool IsOfCluster(KnownIdentity identity, ClusterFacts cluster)
    {
        foreach (var label in identity.Labels.AsSpan())
        {
            if (label.Source == Label.SourceReserved)
            {
                if (label.Key is "host" or "remote-node" or "init" or "ingress" or "health" or "unmanaged" or "kube-apiserver")
                {
                    return true;
                }
            }
            else if (label is { Source: Label.SourceK8s, Key: K8sLabelKeys.Cluster } && label.Value == cluster.Name)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>Peers outside the cluster by address: identities whose <c>cidr</c> label lies within the prefix. Never pods or nodes.</summary>
/// <param name="Prefix">The range.</param>
/// <param name="IncludesWorld">
/// For the prefix of length 0: whether it also selects the world's own identity, as the exact text <c>0.0.0.0/0</c> or <c>::/0</c> does.
/// </param>
public sealed record CidrPeer(Prefix Prefix, bool IncludesWorld) : PeerSelector
{
    /// <summary>Makes a peer from the text of a rule: a prefix or an address.</summary>
    /// <exception cref="FormatException">The text is neither.</exception>
    public static CidrPeer Parse(string text) =>
        TryParse(text, out var peer) ? peer : throw new FormatException($"'{text}' is neither a CIDR nor an address");

    /// <summary>Makes a peer from the text of a rule: a prefix or an address.</summary>
    public static bool TryParse(string text, out CidrPeer peer)
    {
        var valid = Prefix.TryParseAddressOrPrefix(text, out var prefix);
        peer = new CidrPeer(prefix, text is "0.0.0.0/0" or "::/0");
        return valid;
    }

    /// <inheritdoc/>
    public override bool Matches(KnownIdentity identity, ClusterFacts cluster)
    {
        if (identity.Cidr is { } cidr)
        {
            return Prefix.Contains(cidr);
        }

        if (!IncludesWorld)
        {
            return false;
        }

        // With one family, the world without a family is of that family.
        return identity.HasReserved(Prefix.IsIPv4 ? "world-ipv4" : "world-ipv6")
            || (!cluster.IsDualStack && (Prefix.IsIPv4 ? cluster.HasIPv4 : cluster.HasIPv6) && identity.HasReserved("world"));
    }

    /// <inheritdoc/>
    public override string ToString() => "cidr " + Prefix;
}
