using Cilium.Core;

namespace Cilium.Policy;

/// <summary>The identities that exist without being allocated.</summary>
public static class ReservedIdentities
{
    /// <summary>All of them with their labels; the world of each family in dual-stack only.</summary>
    public static IEnumerable<KnownIdentity> All(ClusterFacts cluster)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        for (uint value = 1; value <= (cluster.IsDualStack ? Identity.WorldIPv6.Value : Identity.Ingress.Value); value++)
        {
            var identity = new Identity(value);
            yield return new KnownIdentity(identity, LabelsOf(identity));
        }
    }

    /// <summary>The labels of a reserved identity. The API server's identity also carries <c>reserved:remote-node</c>.</summary>
    /// <exception cref="ArgumentException">The identity is not reserved.</exception>
    public static LabelSet LabelsOf(Identity identity)
    {
        if (!identity.IsReserved || identity.ReservedName is not { } name)
        {
            throw new ArgumentException($"identity {identity} is not reserved", nameof(identity));
        }

        return identity == Identity.KubeApiServer
            ? LabelSet.Create([new Label(Label.SourceReserved, name, ""), new Label(Label.SourceReserved, "remote-node", "")])
            : LabelSet.Reserved(name);
    }

    /// <summary>The labels of the local node when the API server runs on it.</summary>
    public static LabelSet HostWithKubeApiServer { get; } =
        LabelSet.Create([new Label(Label.SourceReserved, "host", ""), new Label(Label.SourceReserved, "kube-apiserver", "")]);

    /// <summary>The reserved identity that a set of labels names, if it is exactly one's.</summary>
    public static bool TryFind(LabelSet labels, ClusterFacts cluster, out Identity identity)
    {
        foreach (var known in All(cluster))
        {
            if (known.Labels.Equals(labels))
            {
                identity = known.Id;
                return true;
            }
        }

        identity = Identity.Unknown;
        return false;
    }
}
