namespace Cilium.Policy;

/// <summary>A peer that is known by its role rather than by its labels.</summary>
public enum Entity
{
    /// <summary>Nobody.</summary>
    None = 0,

    /// <summary>Everybody.</summary>
    All,

    /// <summary>Everything outside the cluster, CIDR identities included.</summary>
    World,

    /// <summary>IPv4 outside the cluster (dual-stack).</summary>
    WorldIPv4,

    /// <summary>IPv6 outside the cluster (dual-stack).</summary>
    WorldIPv6,

    /// <summary>Every endpoint and node of the local cluster.</summary>
    Cluster,

    /// <summary>The local node and its host-network pods.</summary>
    Host,

    /// <summary>The other nodes.</summary>
    RemoteNode,

    /// <summary>The Kubernetes API server.</summary>
    KubeApiServer,

    /// <summary>The ingress proxy.</summary>
    Ingress,

    /// <summary>Health endpoints.</summary>
    Health,

    /// <summary>Endpoints without labels yet.</summary>
    Init,

    /// <summary>Endpoints that are not managed.</summary>
    Unmanaged,
}

/// <summary>The names of entities as policies write them.</summary>
public static class EntityNames
{
    private static readonly string[] s_names =
    [
        "none", "all", "world", "world-ipv4", "world-ipv6", "cluster", "host", "remote-node", "kube-apiserver", "ingress", "health", "init",
        "unmanaged",
    ];

    /// <summary>The name, which is also the reserved label of the entities that are one identity.</summary>
    public static string NameOf(Entity entity) => s_names[(int)entity];

    /// <summary>Finds an entity by its name.</summary>
    public static bool TryParse(string name, out Entity entity)
    {
        var index = Array.IndexOf(s_names, name);
        entity = index < 0 ? Entity.None : (Entity)index;
        return index >= 0;
    }
}
