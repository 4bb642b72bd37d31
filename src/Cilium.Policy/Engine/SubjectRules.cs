using Cilium.Core;

namespace Cilium.Policy;

/// <summary>What the rules that select a subject come to.</summary>
internal static class SubjectRules
{
    private static readonly PeerRule s_fromHost = PeerRule.Create([new EntityPeer(Entity.Host)]);
    private static readonly PeerRule s_everything = PeerRule.Create([PeerSelector.All]);

    /// <summary>Whether each direction is enforced, and the elements that count, with their origins.</summary>
    public static (bool IngressEnforced, bool EgressEnforced, List<(PlanItemContent Content, PolicyOrigin Origin)> Elements) Gather(
        IReadOnlyCollection<PolicyRule> rules, PolicySubject subject, PolicyOptions options)
    {
        var elements = new List<(PlanItemContent, PolicyOrigin)>();
        if (options.Enforcement == EnforcementMode.Never)
        {
            return (false, false, elements);
        }

        var isAlways = options.Enforcement == EnforcementMode.Always || subject.Labels.HasKey(Label.SourceReserved, "init");
        var ingress = GatherDirection(TrafficDirection.Ingress, rules, isAlways, elements);
        var egress = GatherDirection(TrafficDirection.Egress, rules, isAlways, elements);
        if (ingress && options.AllowLocalhost)
        {
            elements.Add((new PlanItemContent(TrafficDirection.Ingress, false, s_fromHost), PolicyOrigin.AllowLocalhostIngress));
        }

        return (ingress, egress, elements);
    }

    /// <summary>True when an element gives the entry of a key.</summary>
    public static bool Yields(
        PlanItemContent element, PolicyKey key, KnownIdentity? peer, EquatableArray<NamedPort> receiverPorts, ClusterFacts cluster)
    {
        var isWildcard = element.Rule.Peers.Any(selector => selector.IsWildcard);
        var ports = new PortKey(key.Protocol, key.Port, key.PortPrefixLength);
        var isPeer = isWildcard
            || (key.Identity != Identity.Unknown && peer is not null && element.Rule.Peers.Any(selector => selector.Matches(peer, cluster)));
        if (!isPeer)
        {
            return false;
        }

        var (keys, names) = PlanItem.Prepare(element.Rule.Ports);
        var isNamed = names.Any(match => receiverPorts.Any(port =>
            port.Name == match.Name && port.Protocol == match.Protocol && new PortKey(port.Protocol, port.Port, 16) == ports));
        // Everybody's entries stand under the wildcard identity, but for ports that depend on who receives: of egress, the peer.
        var isUnder = isWildcard == (key.Identity == Identity.Unknown);
        return (isNamed && (isUnder || element.Direction == TrafficDirection.Egress)) || (isUnder && keys.Contains(ports));
    }

    private static bool GatherDirection(
        TrafficDirection direction, IReadOnlyCollection<PolicyRule> rules, bool isAlways, List<(PlanItemContent, PolicyOrigin)> elements)
    {
        bool isPresent = false, isDefaultDeny = isAlways;
        foreach (var rule in rules)
        {
            var section = rule[direction];
            isPresent |= section.IsPresent;
            isDefaultDeny |= section.DefaultDeny;
            foreach (var (list, isDeny) in ((EquatableArray<PeerRule>, bool)[])[(section.Allow, false), (section.Deny, true)])
            {
                foreach (var element in list)
                {
                    if (element.Peers.Count > 0 && element.Ports.Count > 0)
                    {
                        elements.Add((new PlanItemContent(direction, isDeny, element), rule.Origin));
                    }
                }
            }
        }

        if (isPresent && !isDefaultDeny)
        {
            var origin = direction == TrafficDirection.Ingress ? PolicyOrigin.AllowAnyIngress : PolicyOrigin.AllowAnyEgress;
            elements.Add((new PlanItemContent(direction, false, s_everything), origin));
        }

        return isPresent || isDefaultDeny;
    }
}
