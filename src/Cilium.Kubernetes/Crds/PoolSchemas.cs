using System.Text.Json.Nodes;
using static Cilium.Kubernetes.Crds.Schema;

namespace Cilium.Kubernetes.Crds;

/// <summary>The schemas of CiliumPodIPPool and CiliumLoadBalancerIPPool.</summary>
internal static class PoolSchemas
{
    public static JsonObject PodIPPoolSpec() => Object(
        ("ipv4", Object(("cidrs", List(Text(), 1)), ("maskSize", Number(1, 32))).Required("cidrs", "maskSize")),
        ("ipv6", Object(("cidrs", List(Text(), 1)), ("maskSize", Number(1, 128))).Required("cidrs", "maskSize")),
        ("podSelector", LabelSelector()),
        ("namespaceSelector", LabelSelector()));

    public static JsonObject LoadBalancerIPPoolSpec()
    {
        var disabled = Switch();
        disabled["default"] = false;
        return Object(
            ("blocks", List(Object(("cidr", Text()), ("start", Text()), ("stop", Text())), maximum: 1000)),
            ("serviceSelector", LabelSelector()),
            ("disabled", disabled),
            ("allowFirstLastIPs", OneOf("Yes", "No")));
    }

    public static JsonObject LoadBalancerIPPoolStatus() => Object(("conditions", Conditions()));
}
