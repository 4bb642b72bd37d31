using Cilium.Core;

namespace Cilium.Kubernetes;

/// <summary>The kinds of policy objects.</summary>
public enum PolicyObjectKind : byte
{
    /// <summary><c>networking.k8s.io/v1 NetworkPolicy</c>.</summary>
    NetworkPolicy = 0,

    /// <summary><c>cilium.io/v2 CiliumNetworkPolicy</c>.</summary>
    CiliumNetworkPolicy = 1,

    /// <summary><c>cilium.io/v2 CiliumClusterwideNetworkPolicy</c>.</summary>
    CiliumClusterwideNetworkPolicy = 2,
}

/// <summary>The key of a policy object.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Namespace">The namespace; empty for cluster-wide ones.</param>
/// <param name="Name">The name.</param>
public readonly record struct PolicyObjectKey(PolicyObjectKind Kind, string Namespace, string Name)
{
    /// <summary><c>kind namespace/name</c>.</summary>
    public override string ToString() => $"{Kind} {new NamespacedName(Namespace, Name)}";
}

/// <summary>A policy object, undecoded.</summary>
public sealed record PolicyObjectRow
{
    /// <summary>The key.</summary>
    public required PolicyObjectKey Key { get; init; }

    /// <summary>The object's uid.</summary>
    public string Uid { get; init; } = "";

    /// <summary>The generation of the spec.</summary>
    public long Generation { get; init; }

    /// <summary>
    /// The object as UTF-8 JSON without its status and without the metadata that changes by itself
    /// (<c>resourceVersion</c>, <c>managedFields</c>, <c>generation</c>): two equal rows mean the same policy.
    /// </summary>
    public required EquatableArray<byte> Json { get; init; }
}
