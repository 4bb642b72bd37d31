namespace Cilium.Kubernetes;

/// <summary>The keys of <c>cilium-config</c> that hold the pool of mode <c>cluster-pool</c>: upstream's, and one for what is drained.</summary>
internal static class ClusterPoolKeys
{
    public static string Cidrs(bool isIPv4) => isIPv4 ? "cluster-pool-ipv4-cidr" : "cluster-pool-ipv6-cidr";

    public static string MaskSize(bool isIPv4) => isIPv4 ? "cluster-pool-ipv4-mask-size" : "cluster-pool-ipv6-mask-size";

    public static string Drained(bool isIPv4) => isIPv4 ? "cluster-pool-ipv4-drained-cidr" : "cluster-pool-ipv6-drained-cidr";
}
