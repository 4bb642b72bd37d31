using Cilium.Core;

namespace Cilium.Policy.Tests.Compilation;

/// <summary>A cluster told in a few lines, for tests that are sentences.</summary>
internal sealed class Scene
{
    private readonly List<PolicyRule> _rules = [];
    private readonly Dictionary<string, Identity> _peers = [];

    public Scene(bool isDualStack = false, bool allowLocalhost = true, EnforcementMode mode = EnforcementMode.Default)
    {
        Options = new PolicyOptions { Cluster = new ClusterFacts("c1", true, isDualStack), AllowLocalhost = allowLocalhost, Enforcement = mode };
        Engine = new PolicyEngine(Options);
        Server = Pod(256, "app=server");
        foreach (var id in (uint[])[1, 2, 4, 5, 6, 7, 8, 9, 10])
        {
            _peers[new Identity(id).ReservedName!] = new Identity(id);
        }
    }

    public PolicyOptions Options { get; }

    public PolicyEngine Engine { get; }

    public PolicySubject Server { get; set; }

    public PolicySubject Pod(uint id, string label, string ns = "n0", params NamedPort[] ports)
    {
        var labels = LabelSet.Parse($"k8s:{label}", $"k8s:io.kubernetes.pod.namespace={ns}", "k8s:io.cilium.k8s.policy.cluster=c1");
        Engine.UpsertIdentity(new Identity(id), labels);
        Engine.SetNamedPorts(new Identity(id), ports);
        _peers[label] = new Identity(id);
        return new PolicySubject(labels, NamedPort.Normalize(ports));
    }

    public Scene Rule(PolicySection? ingress = null, PolicySection? egress = null, LabelSelector? subject = null)
    {
        var rule = new PolicyRule
        {
            Origin = new PolicyOrigin("CiliumNetworkPolicy", "n0", $"p{_rules.Count}"),
            Subject = subject ?? LabelSelector.Parse("app=server"),
            Ingress = ingress ?? PolicySection.Absent,
            Egress = egress ?? PolicySection.Absent,
        };
        _rules.Add(rule);
        Engine.SetPolicy(rule.Origin, [rule]);
        return this;
    }

    public CompiledPolicy Compile(PolicySubject? subject = null)
    {
        subject ??= Server;
        Engine.AddSubject(subject);
        foreach (var (prefix, identity) in Engine.Commit().CidrsAdded)
        {
            _peers[prefix.ToString()] = identity.Id;
        }

        Assert.True(Engine.TryGet(subject, out _, out var policy));
        return policy;
    }

    public Verdict From(string peer, ushort port, L4Protocol protocol = L4Protocol.Tcp) => Decide(TrafficDirection.Ingress, peer, port, protocol);

    public Verdict To(string peer, ushort port, L4Protocol protocol = L4Protocol.Tcp) => Decide(TrafficDirection.Egress, peer, port, protocol);

    private Verdict Decide(TrafficDirection direction, string peer, ushort port, L4Protocol protocol)
    {
        var policy = Compile();
        return TwoLookups.Decide(policy, new Packet(direction, _peers[peer], null, protocol, port));
    }
}
