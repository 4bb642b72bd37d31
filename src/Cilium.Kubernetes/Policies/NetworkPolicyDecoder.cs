using Cilium.Core;
using Cilium.Policy;

namespace Cilium.Kubernetes.Policies;

/// <summary>Reads the spec of a Kubernetes NetworkPolicy.</summary>
/// <remarks>
/// By the Kubernetes API reference where upstream differs: <c>policyTypes</c> decides which sections count, a namespace selector matches only pods,
/// and a block whose exceptions leave nothing matches nobody.
/// </remarks>
internal sealed class NetworkPolicyDecoder(SelectorDecoder selectors, PolicyOrigin origin)
{
    private static readonly LabelRequirement s_isPod = new(Label.SourceK8s, K8sLabelKeys.PodNamespace, SelectorOperator.Exists, default);

    private readonly CidrDecoder _cidrs = new();

    public PolicyRule DecodeSpec(JsonField root)
    {
        var spec = root["spec"];
        if (!spec.IsObjectOf("podSelector", "ingress", "egress", "policyTypes"))
        {
            return new PolicyRule { Origin = origin, Subject = LabelSelector.All };
        }

        // A missing or empty selector selects all pods of the namespace.
        var pods = spec["podSelector"].IsPresent ? selectors.DecodeKubernetes(spec["podSelector"], "") : [];
        var (isIngress, isEgress) = DecodeTypes(spec);
        var ingress = spec["ingress"].Items().Select(element => DecodeElement(element, "from")).ToList();
        var egress = spec["egress"].Items().Select(element => DecodeElement(element, "to")).ToList();
        return new PolicyRule
        {
            Origin = origin with { Name = NameOf(root) },
            Subject = LabelSelector.Create(pods.Append(OwnNamespace)),
            Ingress = isIngress ? Isolating(ingress) : PolicySection.Absent,
            Egress = isEgress ? Isolating(egress) : PolicySection.Absent,
        };
    }

    private LabelRequirement OwnNamespace => new(Label.SourceK8s, K8sLabelKeys.PodNamespace, SelectorOperator.In, [origin.Namespace]);

    // A direction that the policy is of is isolated, with elements or without.
    private static PolicySection Isolating(List<PeerRule> elements) => new(elements.ToEquatableArray(), default, DefaultDeny: true);

    private static (bool Ingress, bool Egress) DecodeTypes(JsonField spec)
    {
        bool isIngress = false, isEgress = false;
        foreach (var item in spec["policyTypes"].Items())
        {
            switch (item.RequiredText())
            {
                case "Ingress":
                    isIngress = true;
                    break;
                case "Egress":
                    isEgress = true;
                    break;
                default:
                    item.Fail("must be Ingress or Egress");
                    break;
            }
        }

        return isIngress || isEgress ? (isIngress, isEgress) : (true, spec["egress"].IsNonEmpty);
    }

    private PeerRule DecodeElement(JsonField element, string peersName)
    {
        if (!element.IsObjectOf(peersName, "ports"))
        {
            return PeerRule.Nothing;
        }

        var listed = element["ports"].Items().SelectMany(PortDecoder.DecodeKubernetesPort).ToList();
        var ports = element["ports"].IsNonEmpty ? listed : null;
        var peers = element[peersName].Items().SelectMany(DecodePeer).ToList();
        if (!element[peersName].IsNonEmpty)
        {
            return PeerRule.Create([PeerSelector.All], ports);
        }

        return peers.Count == 0 ? PeerRule.Nothing : PeerRule.Create(peers, ports);
    }

    private IEnumerable<PeerSelector> DecodePeer(JsonField peer)
    {
        if (!peer.IsObjectOf("podSelector", "namespaceSelector", "ipBlock"))
        {
            return [];
        }

        var hasPods = peer["podSelector"].IsPresent;
        var hasNamespaces = peer["namespaceSelector"].IsPresent;
        if (peer["ipBlock"].IsPresent)
        {
            if (hasPods || hasNamespaces)
            {
                peer["ipBlock"].Fail("cannot be combined with podSelector or namespaceSelector");
            }

            return _cidrs.DecodeBlock(peer["ipBlock"]);
        }

        if (!hasPods && !hasNamespaces)
        {
            peer.Fail("needs a podSelector, a namespaceSelector or an ipBlock");
            return [];
        }

        var pods = hasPods ? selectors.DecodeKubernetes(peer["podSelector"], "") : [];
        var namespaces = hasNamespaces
            ? selectors.DecodeKubernetes(peer["namespaceSelector"], K8sLabelKeys.NamespaceLabelPrefix).Append(s_isPod)
            : [OwnNamespace];
        return [new LabelPeer(LabelSelector.Create([.. pods, .. namespaces]))];
    }

    private string NameOf(JsonField root)
    {
        foreach (var annotation in (string[])["policy.cilium.io/name", "io.cilium.name"])
        {
            if (root["metadata"]["annotations"][annotation] is { IsPresent: true } field && field.Text() is { Length: > 0 } name)
            {
                return name;
            }
        }

        return origin.Name;
    }
}
