using Cilium.Core;
using Cilium.Policy;

namespace Cilium.Kubernetes.Policies;

/// <summary>Reads the rules of CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy objects.</summary>
internal sealed class CiliumRuleDecoder(SelectorDecoder selectors, PolicyOrigin origin, SelectorScope scope)
{
    private static readonly string[] s_ingressMembers =
        ["fromEndpoints", "fromCIDR", "fromCIDRSet", "fromEntities", "fromNodes", "fromGroups", "fromRequires"];
    private static readonly string[] s_egressMembers =
        ["toEndpoints", "toCIDR", "toCIDRSet", "toEntities", "toNodes", "toGroups", "toRequires", "toServices", "toFQDNs"];

    private static readonly string[] s_peerLists = ["Endpoints", "CIDR", "CIDRSet", "Entities", "Nodes"];
    private static readonly string[] s_sections = ["ingress", "ingressDeny", "egress", "egressDeny"];
    private static readonly string[] s_elementMembers = ["toPorts", "icmps", "authentication"];

    private readonly CidrDecoder _cidrs = new();

    public List<PolicyRule> DecodeObject(JsonField root)
    {
        var rules = new List<PolicyRule>();
        var spec = root["spec"];
        var specs = root["specs"];
        if (!spec.IsPresent && !specs.IsNonEmpty)
        {
            spec.Fail("the policy has neither spec nor specs");
        }

        if (spec.IsPresent)
        {
            DecodeRule(spec, rules);
        }

        foreach (var item in specs.Items())
        {
            DecodeRule(item, rules);
        }

        return rules;
    }

    private void DecodeRule(JsonField rule, List<PolicyRule> rules)
    {
        if (!rule.IsObjectOf(
            "endpointSelector", "nodeSelector", "ingress", "ingressDeny", "egress", "egressDeny", "labels", "enableDefaultDeny", "description",
            "log"))
        {
            return;
        }

        // As upstream since 1.17: a rule without elements says nothing, whatever enableDefaultDeny says, and who wrote it meant something.
        if (!s_sections.Any(section => rule[section].IsNonEmpty))
        {
            rule.Fail("must have at least one element in ingress, ingressDeny, egress or egressDeny");
        }

        var subject = DecodeSubject(rule);
        var defaults = rule["enableDefaultDeny"];
        if (defaults.IsPresent)
        {
            defaults.IsObjectOf("ingress", "egress");
        }

        if (rule["log"].IsNonEmpty)
        {
            rule["log"].FailUnsupported("policy log values");
        }

        rules.Add(new PolicyRule
        {
            Origin = origin,
            Subject = subject,
            Ingress = PolicySection.Create(
                DecodeElements(rule["ingress"], subject, s_ingressMembers, false),
                DecodeElements(rule["ingressDeny"], subject, s_ingressMembers, true),
                defaults["ingress"].Flag()),
            Egress = PolicySection.Create(
                DecodeElements(rule["egress"], subject, s_egressMembers, false),
                DecodeElements(rule["egressDeny"], subject, s_egressMembers, true),
                defaults["egress"].Flag()),
            Labels = DecodeLabels(rule["labels"]),
            Description = rule["description"].Text() ?? "",
        });
    }

    private LabelSelector DecodeSubject(JsonField rule)
    {
        var endpoints = rule["endpointSelector"];
        var nodes = rule["nodeSelector"];
        if (nodes.IsPresent)
        {
            if (scope.Namespace is not null)
            {
                nodes.Fail("only a CiliumClusterwideNetworkPolicy may select nodes");
            }
            else if (endpoints.IsPresent)
            {
                nodes.Fail("cannot be combined with endpointSelector");
            }
            else
            {
                nodes.FailUnsupported("policies on nodes (host firewall)");
            }

            return LabelSelector.All;
        }

        if (!endpoints.IsPresent)
        {
            rule.Fail("needs an endpointSelector");
            return LabelSelector.All;
        }

        var written = selectors.DecodeWithSources(endpoints);
        var label = endpoints["matchLabels"][$"{Label.SourceK8s}:{K8sLabelKeys.PodNamespace}"];
        var subject = scope.ScopeSubject(written, label.IsPresent ? label.Element.ToString() : null, out var asksForAnother);
        if (asksForAnother)
        {
            selectors.Warn(endpoints, $"the policy can select endpoints of its own namespace only, {scope.Namespace}, not of the one asked for here");
        }

        return subject;
    }

    private List<PeerRule> DecodeElements(JsonField list, LabelSelector subject, string[] members, bool isDeny)
    {
        var elements = new List<PeerRule>();
        foreach (var element in list.Items())
        {
            if (!element.IsObjectOf([.. members, .. s_elementMembers]))
            {
                continue;
            }

            RefuseCombinations(element, members);
            DecodeAuthentication(element["authentication"], isDeny);
            var isIngress = ReferenceEquals(members, s_ingressMembers);
            var prefix = isIngress ? "from" : "to";
            var decoded = PeerRule.Create(DecodePeers(element, subject, prefix), PortDecoder.Decode(element, isDeny));
            elements.Add(SelectsNobody(element, prefix) ? PeerRule.Nothing : decoded);
            foreach (var (name, feature) in ((string, string)[])
            [
                ("Nodes", "node selectors"), ("Groups", "cloud provider groups"), ("Requires", "requirements on all peers"),
                ("Services", "services as peers"), ("FQDNs", "DNS names as peers"),
            ])
            {
                var member = element[prefix + name];
                if (member.IsNonEmpty)
                {
                    member.FailUnsupported(feature);
                }
            }
        }

        return elements;
    }

    private List<PeerSelector> DecodePeers(JsonField element, LabelSelector subject, string prefix)
    {
        var peers = new List<PeerSelector>();
        foreach (var item in element[prefix + "Endpoints"].Items())
        {
            peers.Add(new LabelPeer(scope.ScopePeer(selectors.DecodeWithSources(item), subject)));
        }

        foreach (var item in element[prefix + "CIDR"].Items())
        {
            peers.AddRange(_cidrs.Decode(item));
        }

        foreach (var item in element[prefix + "CIDRSet"].Items())
        {
            peers.AddRange(_cidrs.DecodeSet(item));
        }

        foreach (var item in element[prefix + "Entities"].Items())
        {
            var name = item.RequiredText();
            if (!EntityNames.TryParse(name, out var entity) || entity is Entity.WorldIPv4 or Entity.WorldIPv6)
            {
                item.Fail($"'{name}' is no entity");
            }

            peers.Add(new EntityPeer(entity));
        }

        return peers;
    }

    // A list that is there and empty names nobody, unlike one that is not there; so upstream since 1.16, for these members only.
    private static bool SelectsNobody(JsonField element, string prefix) =>
        s_peerLists.Any(name => element[prefix + name] is { IsPresent: true, IsNonEmpty: false });

    // Requirements stand beside toEndpoints; all other members exclude each other.
    private static void RefuseCombinations(JsonField element, string[] members)
    {
        string? first = null;
        foreach (var member in members)
        {
            if (element[member].IsNonEmpty && !member.EndsWith("Requires", StringComparison.Ordinal))
            {
                if (first is not null)
                {
                    element.Fail($"combining {first} and {member} is not supported");
                    return;
                }

                first = member;
            }
        }
    }

    private static void DecodeAuthentication(JsonField authentication, bool isDeny)
    {
        if (!authentication.IsPresent || !authentication.IsObjectOf("mode"))
        {
            return;
        }

        var mode = authentication["mode"].RequiredText();
        if (isDeny)
        {
            authentication.Fail("is not allowed in a deny rule");
        }
        else if (mode is "required" or "test-always-fail")
        {
            authentication["mode"].FailUnsupported("mutual authentication");
        }
        else if (mode != "disabled")
        {
            authentication["mode"].Fail("must be disabled, required or test-always-fail");
        }
    }

    private static EquatableArray<Label> DecodeLabels(JsonField list)
    {
        var labels = new List<Label>();
        foreach (var item in list.Items())
        {
            if (item.IsObjectOf("key", "value", "source"))
            {
                labels.Add(new Label(item["source"].Text() ?? "unspec", item["key"].RequiredText(), item["value"].Text() ?? ""));
            }
        }

        return labels.Order().ToEquatableArray();
    }
}
