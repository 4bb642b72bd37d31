using Cilium.Core;

namespace Cilium.Policy.Tests.Compilation;

/// <summary>Policy semantics packet by packet, straight from the rules: no identities' sets, no keys, no prefixes of ports.</summary>
internal sealed class ReferenceEvaluator(PolicyOptions options, IReadOnlyList<PolicyRule> rules, PolicyWorld world)
{
    private static readonly Dictionary<Entity, string[]> s_reserved = new()
    {
        [Entity.World] = ["world", "world-ipv4", "world-ipv6"],
        [Entity.WorldIPv4] = ["world-ipv4"],
        [Entity.WorldIPv6] = ["world-ipv6"],
        [Entity.Cluster] = ["host", "remote-node", "init", "ingress", "health", "unmanaged", "kube-apiserver"],
        [Entity.Host] = ["host"],
        [Entity.RemoteNode] = ["remote-node"],
        [Entity.KubeApiServer] = ["kube-apiserver"],
        [Entity.Ingress] = ["ingress"],
        [Entity.Health] = ["health"],
        [Entity.Init] = ["init"],
        [Entity.Unmanaged] = ["unmanaged"],
    };

    public Verdict Decide(PolicySubject subject, Packet packet)
    {
        if (options.Enforcement == EnforcementMode.Never)
        {
            return Verdict.Allowed;
        }

        var selected = rules.Where(rule => !rule.SelectsNodes && Selects(rule.Subject, subject.Labels.ToArray())).ToArray();
        var sections = selected.Select(rule => packet.Direction == TrafficDirection.Ingress ? rule.Ingress : rule.Egress)
            .Where(section => section.DefaultDeny || section.Allow.Count + section.Deny.Count > 0).ToArray();
        var always = options.Enforcement == EnforcementMode.Always || subject.Labels.Any(label => label is { Source: "reserved", Key: "init" });
        if (sections.Length == 0 && !always)
        {
            return Verdict.Allowed;
        }

        if (sections.Any(section => section.Deny.Any(element => Matches(element, subject, packet))))
        {
            return Verdict.DeniedByRule;
        }

        var fromLocalhost = options.AllowLocalhost && packet.Direction == TrafficDirection.Ingress && packet.Peer == Identity.Host;
        var notByDefault = !always && !sections.Any(section => section.DefaultDeny);
        return fromLocalhost || notByDefault || sections.Any(section => section.Allow.Any(element => Matches(element, subject, packet)))
            ? Verdict.Allowed
            : Verdict.DeniedByDefault;
    }

    private bool Matches(PeerRule element, PolicySubject subject, Packet packet) =>
        element.Peers.Any(peer => MatchesPeer(peer, packet)) && element.Ports.Any(port => MatchesPort(port, subject, packet));

    private bool MatchesPeer(PeerSelector peer, Packet packet)
    {
        if (peer is EntityPeer { Entity: Entity.All } || peer is LabelPeer { Selector.Requirements.Count: 0 })
        {
            return true;
        }

        var labels = world.LabelsOf(packet.Peer);
        if (labels is null)
        {
            return false;
        }

        return peer switch
        {
            LabelPeer byLabels => Selects(byLabels.Selector, labels),
            EntityPeer { Entity: Entity.None } => false,
            EntityPeer byRole => labels.Any(label => label.Source == "reserved" && s_reserved[byRole.Entity].Contains(label.Key))
                || (byRole.Entity == Entity.Cluster && labels.Contains(new Label("k8s", "io.cilium.k8s.policy.cluster", options.Cluster.Name))),
            CidrPeer byAddress => packet.PeerAddress is { } address && InRange(byAddress, address, labels),
            _ => throw new InvalidOperationException(),
        };
    }

    // Any address of the range; but 1.2.3.4/0 speaks only of addresses that some other rule made known.
    private static bool InRange(CidrPeer peer, IpAddr address, Label[] labels) =>
        peer.Prefix.Contains(address) && (peer.Prefix.Length > 0 || peer.IncludesWorld || labels.Any(label => label.Source == "cidr"));

    private bool MatchesPort(PortMatch match, PolicySubject subject, Packet packet)
    {
        if (match.Protocol == L4Protocol.Any)
        {
            return true;
        }

        if (match.Protocol != packet.Protocol)
        {
            return false;
        }

        if (match.Name is null)
        {
            return packet.Port >= match.First && packet.Port <= match.Last;
        }

        var receiver = packet.Direction == TrafficDirection.Ingress ? subject.NamedPorts : world.NamedPorts.GetValueOrDefault(packet.Peer);
        return receiver.Contains(new NamedPort(match.Name, packet.Protocol, packet.Port));
    }

    private static bool Selects(LabelSelector selector, Label[] labels) => selector.Requirements.All(requirement =>
    {
        var values = labels.Where(label => label.Key == requirement.Key && (requirement.Source == "any" || requirement.Source == label.Source))
            .Select(label => label.Value).ToArray();
        return requirement.Operator switch
        {
            SelectorOperator.In => values.Intersect(requirement.Values).Any(),
            SelectorOperator.NotIn => !values.Intersect(requirement.Values).Any(),
            SelectorOperator.Exists => values.Length > 0,
            _ => values.Length == 0,
        };
    });
}
