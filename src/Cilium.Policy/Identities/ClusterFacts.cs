namespace Cilium.Policy;

/// <summary>What selectors must know of the cluster they are evaluated in.</summary>
/// <param name="Name">The name of the local cluster.</param>
/// <param name="HasIPv4">True when IPv4 is enabled.</param>
/// <param name="HasIPv6">True when IPv6 is enabled.</param>
public sealed record ClusterFacts(string Name, bool HasIPv4 = true, bool HasIPv6 = false)
{
    /// <summary>True when both families are enabled; then the world has one identity for each family.</summary>
    public bool IsDualStack => HasIPv4 && HasIPv6;
}
