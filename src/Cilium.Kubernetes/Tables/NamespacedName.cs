namespace Cilium.Kubernetes;

/// <summary>The key of a namespaced object; the namespace is empty for cluster-wide ones.</summary>
/// <param name="Namespace">The namespace, or an empty text.</param>
/// <param name="Name">The name.</param>
public readonly record struct NamespacedName(string Namespace, string Name)
{
    /// <summary><c>namespace/name</c>, or only the name.</summary>
    public override string ToString() => Namespace.Length == 0 ? Name : $"{Namespace}/{Name}";
}
