using System.Net;

namespace Cilium.Lab.Cluster;

/// <summary>The address ranges of a cluster.</summary>
internal sealed record ClusterNetwork
{
    private static readonly IPNetwork Services4 = IPNetwork.Parse("10.96.0.0/16");
    private static readonly IPNetwork Services6 = IPNetwork.Parse("fd00:10:96::/112");
    private static readonly IPNetwork Pods4 = IPNetwork.Parse("10.244.0.0/16");
    private static readonly IPNetwork Pods6 = IPNetwork.Parse("fd00:10:244::/56");

    /// <summary>Service ranges; the first one's family is the default family of services.</summary>
    public required IReadOnlyList<IPNetwork> ServiceRanges { get; init; }

    /// <summary>Pod ranges with the length of the part each node gets.</summary>
    public required IReadOnlyList<(IPNetwork Range, int NodePrefixLength)> PodRanges { get; init; }

    public bool Ipv4 => PodRanges.Any(entry => entry.Range.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork);

    public bool Ipv6 => PodRanges.Any(entry => entry.Range.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6);

    /// <summary>The cluster DNS service's address: the tenth of the first range.</summary>
    public string DnsAddress => new Admission.AddressPool(ServiceRanges[0]).At(10);

    public static ClusterNetwork For(bool ipv4, bool ipv6)
    {
        if (!ipv4 && !ipv6) throw new ArgumentException("a cluster needs at least one address family");
        return new ClusterNetwork
        {
            ServiceRanges = [.. (IPNetwork[])(ipv4 ? [Services4] : []), .. (IPNetwork[])(ipv6 ? [Services6] : [])],
            PodRanges = [.. ((IPNetwork, int)[])(ipv4 ? [(Pods4, 24)] : []), .. ((IPNetwork, int)[])(ipv6 ? [(Pods6, 64)] : [])],
        };
    }
}
