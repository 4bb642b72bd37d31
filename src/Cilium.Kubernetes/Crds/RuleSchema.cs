using System.Text.Json.Nodes;
using static Cilium.Kubernetes.Crds.Schema;

namespace Cilium.Kubernetes.Crds;

/// <summary>The schema of a policy rule, shared by CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy.</summary>
/// <remarks>
/// It holds the whole grammar, also of features that are not built: an API server prunes fields that a schema lacks, and a pruned rule would
/// be wider than what was written. Such rules are kept and refused with a condition.
/// </remarks>
internal static class RuleSchema
{
    private const int MaximumPorts = 40;

    public static JsonObject Rule() => Object(
        ("endpointSelector", LabelSelector()),
        ("nodeSelector", LabelSelector()),
        ("description", Text()),
        ("labels", List(Object(("key", Text()), ("source", Text()), ("value", Text())).Required("key"))),
        ("enableDefaultDeny", Object(("ingress", Switch()), ("egress", Switch()))),
        ("log", Object(("value", Text(maximumLength: 32)))),
        ("ingress", List(Ingress(false))),
        ("ingressDeny", List(Ingress(true))),
        ("egress", List(Egress(false))),
        ("egressDeny", List(Egress(true))));

    private static JsonObject Ingress(bool isDeny)
    {
        var peers = new List<(string, JsonObject)>
        {
            ("fromEndpoints", List(LabelSelector())),
            ("fromRequires", List(LabelSelector())),
            ("fromCIDR", List(Text())),
            ("fromCIDRSet", List(CidrRule())),
            ("fromEntities", List(Entity())),
            ("fromNodes", List(LabelSelector())),
            ("fromGroups", List(Group())),
        };
        return Element(peers, isDeny);
    }

    private static JsonObject Egress(bool isDeny)
    {
        var peers = new List<(string, JsonObject)>
        {
            ("toEndpoints", List(LabelSelector())),
            ("toRequires", List(LabelSelector())),
            ("toCIDR", List(Text())),
            ("toCIDRSet", List(CidrRule())),
            ("toEntities", List(Entity())),
            ("toNodes", List(LabelSelector())),
            ("toGroups", List(Group())),
            ("toServices", List(Object(
                ("k8sService", Object(("serviceName", Text()), ("namespace", Text()))),
                ("k8sServiceSelector", Object(("selector", LabelSelector()), ("namespace", Text())).Required("selector"))))),
        };
        if (!isDeny)
        {
            peers.Add(("toFQDNs", List(Object(("matchName", Text(maximumLength: 255)), ("matchPattern", Text(maximumLength: 255))))));
        }

        return Element(peers, isDeny);
    }

    private static JsonObject Element(List<(string, JsonObject)> members, bool isDeny)
    {
        members.Add(("toPorts", List(isDeny ? Object(("ports", Ports())) : PortRule())));
        members.Add(("icmps", List(Object(("fields", List(
            Object(("family", OneOf("IPv4", "IPv6")), ("type", NumberOrText())).Required("type"), maximum: MaximumPorts))))));
        if (!isDeny)
        {
            members.Add(("authentication", Object(("mode", OneOf("disabled", "required", "test-always-fail"))).Required("mode")));
        }

        return Object(members);
    }

    private static JsonObject Entity() => OneOf(
        "all", "world", "world-ipv4", "world-ipv6", "cluster", "host", "init", "ingress", "unmanaged", "remote-node", "health", "none", "kube-apiserver");

    private static JsonObject CidrRule() => Object(
        ("cidr", Text()),
        ("cidrGroupRef", Text(maximumLength: 253)),
        ("cidrGroupSelector", LabelSelector()),
        ("except", List(Text())));

    private static JsonObject Group() => Object(("aws", Object(
        ("labels", Map(Text())),
        ("region", Text()),
        ("securityGroupsIds", List(Text())),
        ("securityGroupsNames", List(Text())))));

    private static JsonObject Ports() => List(
        Object(
            ("port", Text(@"^(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[0-9]{1,4})|([a-zA-Z0-9]-?)*[a-zA-Z](-?[a-zA-Z0-9])*$")),
            ("endPort", Number(0, 65535, "int32")),
            ("protocol", OneOf("TCP", "UDP", "SCTP", "VRRP", "IGMP", "ANY"))),
        maximum: MaximumPorts);

    private static JsonObject PortRule() => Object(
        ("ports", Ports()),
        ("rules", Layer7()),
        ("terminatingTLS", Tls()),
        ("originatingTLS", Tls()),
        ("serverNames", List(Text())),
        ("listener", Object(
            ("envoyConfig", Object(("kind", OneOf("CiliumEnvoyConfig", "CiliumClusterwideEnvoyConfig")), ("name", Text())).Required("name")),
            ("name", Text()),
            ("priority", Number(1, 100, "int32"))).Required("envoyConfig", "name")));

    private static JsonObject Tls() => Object(
        ("secret", Secret()), ("trustedCA", Text()), ("certificate", Text()), ("privateKey", Text())).Required("secret");

    private static JsonObject Secret() => Object(("name", Text()), ("namespace", Text())).Required("name");

    private static JsonObject Layer7() => Object(
        ("http", List(Object(
            ("path", Text()),
            ("method", Text()),
            ("host", Text()),
            ("headers", List(Text())),
            ("headerMatches", List(Object(
                ("name", Text()),
                ("value", Text()),
                ("secret", Secret()),
                ("mismatch", OneOf("LOG", "ADD", "DELETE", "REPLACE"))).Required("name")))))),
        ("dns", List(Object(("matchName", Text(maximumLength: 255)), ("matchPattern", Text(maximumLength: 255))))),
        ("kafka", List(Object(
            ("role", OneOf("produce", "consume")),
            ("apiKey", Text()),
            ("apiVersion", Text()),
            ("clientID", Text()),
            ("topic", Text(maximumLength: 255))))),
        ("l7proto", Text()),
        ("l7", List(Map(Text()))));
}
