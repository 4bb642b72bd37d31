using System.Text.Json.Nodes;
using static Cilium.Kubernetes.Crds.Schema;

namespace Cilium.Kubernetes.Crds;

/// <summary>The schemas of CiliumEndpoint and CiliumNode.</summary>
internal static class EndpointSchemas
{
    public static JsonObject EndpointStatus() => Object(
        ("id", Number(format: "int64")),
        ("state", OneOf(
            "creating", "waiting-for-identity", "not-ready", "waiting-to-regenerate", "regenerating", "restoring", "ready", "disconnecting", "disconnected", "invalid")),
        ("identity", Object(("id", Number(format: "int64")), ("labels", List(Text())))),
        ("networking", Object(
            ("addressing", List(AddressPair())),
            ("node", Text())).Required("addressing")),
        ("encryption", Object(("key", Number()))),
        ("external-identifiers", Object(
            ("container-id", Text()),
            ("container-name", Text()),
            ("cni-attachment-id", Text()),
            ("docker-endpoint-id", Text()),
            ("docker-network-id", Text()),
            ("k8s-namespace", Text()),
            ("k8s-pod-name", Text()),
            ("pod-name", Text()))),
        ("health", Object(("bpf", Text()), ("connected", Switch()), ("overallHealth", Text()), ("policy", Text()))),
        ("named-ports", List(Object(("name", Text()), ("port", Number(0, 65535)), ("protocol", Text())))),
        ("policy", Object(("ingress", Direction()), ("egress", Direction()))),
        ("visibility-policy-status", Text()),
        ("service-account", Text()),
        ("controllers", List(Object(
            ("name", Text()),
            ("uuid", Text()),
            ("configuration", Object(("error-retry", Switch()), ("error-retry-base", Number()), ("interval", Number()))),
            ("status", Object(
                ("consecutive-failure-count", Number()),
                ("failure-count", Number()),
                ("last-failure-msg", Text()),
                ("last-failure-timestamp", Text()),
                ("last-success-timestamp", Text()),
                ("success-count", Number())))))),
        ("log", List(Object(("code", Text()), ("message", Text()), ("state", Text()), ("timestamp", Text())))));

    public static JsonObject NodeSpec() => Object(
        ("addresses", List(Object(("type", Text()), ("ip", Text())))),
        ("health", AddressPair()),
        ("ingress", AddressPair()),
        ("encryption", Object(("key", Number()))),
        ("bootid", Text()),
        ("instance-id", Text()),
        ("nodeidentity", Number(format: "int64")),
        ("ipam", Object(
            ("podCIDRs", List(Text())),
            ("pool", Map(Allocation())),
            ("ipv6-pool", Map(Allocation())),
            ("pools", Object(
                ("requested", List(Object(
                    ("pool", Text()),
                    ("needed", Object(("ipv4-addrs", Number()), ("ipv6-addrs", Number())))).Required("pool"))),
                ("allocated", List(Object(("pool", Text()), ("cidrs", List(Text()))).Required("pool"))))),
            ("pre-allocate", Number(0)),
            ("min-allocate", Number(0)),
            ("max-allocate", Number(0)),
            ("max-above-watermark", Number(0)))),
        ("eni", Open()),
        ("azure", Open()),
        ("alibaba-cloud", Open()));

    public static JsonObject NodeStatus() => Object(
        ("ipam", Object(
            ("used", Map(Allocation())),
            ("ipv6-used", Map(Allocation())),
            ("release-ips", Map(OneOf("marked-for-release", "ready-for-release", "do-not-release", "released"))),
            ("pod-cidrs", Map(Object(("status", OneOf("released", "depleted", "in-use"))))),
            ("operator-status", Object(("error", Text()))))),
        ("eni", Open()),
        ("azure", Open()),
        ("alibaba-cloud", Open()));

    private static JsonObject AddressPair() => Object(("ipv4", Text()), ("ipv6", Text()));

    private static JsonObject Allocation() => Object(("owner", Text()), ("resource", Text()));

    private static JsonObject Direction() => Object(
        ("enforcing", Switch()),
        ("state", Text()),
        ("allowed", List(Peer())),
        ("denied", List(Peer())),
        ("adding", List(Peer())),
        ("removing", List(Peer()))).Required("enforcing");

    private static JsonObject Peer() => Object(
        ("identity", Number()), ("identity-labels", Map(Text())), ("protocol", Number()), ("dest-port", Number()));
}
