using System.Diagnostics;
using Cilium.Core;

namespace Cilium.Policy.Tests.Engine;

public sealed class ScaleTests
{
    /// <summary>Bounds are an order of magnitude above what a slow machine takes: they catch the wrong complexity, not a slow day.</summary>
    [Fact]
    public void Hundreds_of_rules_and_thousands_of_identities()
    {
        var engine = new PolicyEngine(new PolicyOptions { Cluster = new ClusterFacts("c1") });
        var watch = Stopwatch.StartNew();
        for (uint id = 0; id < 5000; id++)
        {
            engine.UpsertIdentity(new Identity(256 + id), Labels(id));
        }

        for (var i = 0; i < 500; i++)
        {
            var origin = new PolicyOrigin("CiliumNetworkPolicy", $"n{i % 20}", $"p{i}");
            engine.SetPolicy(origin, [Rule(origin, i)]);
        }

        var subjects = Enumerable.Range(0, 200).Select(i => new PolicySubject(Labels((uint)i * 7))).ToArray();
        foreach (var subject in subjects)
        {
            engine.AddSubject(subject);
        }

        var first = engine.Commit();
        var built = watch.Elapsed;
        Assert.True(first.Contents.Sum(change => change.Policy.Entries.Count) > 10_000);

        watch.Restart();
        var touched = 0;
        for (uint id = 5000; id < 5200; id++)
        {
            engine.UpsertIdentity(new Identity(256 + id), Labels(id));
            touched += engine.Commit().Contents.Count;
        }

        var each = watch.Elapsed / 200;
        TestContext.Current.SendDiagnosticMessage("built in {0}, {1} for each identity", built, each);
        Assert.True(touched > 0);
        Assert.InRange(built, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        Assert.InRange(each, TimeSpan.Zero, TimeSpan.FromMilliseconds(200));
    }

    private static LabelSet Labels(uint id) => LabelSet.Parse(
        $"k8s:io.kubernetes.pod.namespace=n{id % 20}", $"k8s:app=app{id % 50}", $"k8s:tier=t{id % 3}", $"k8s:pod=p{id}", "k8s:io.cilium.k8s.policy.cluster=c1");

    private static PolicyRule Rule(PolicyOrigin origin, int i)
    {
        var scope = new SelectorScope(origin.Namespace);
        return new PolicyRule
        {
            Origin = origin,
            Subject = scope.ScopeSubject(i % 5 == 0 ? LabelSelector.All : LabelSelector.Parse($"app=app{i % 50}"), out _),
            Ingress = PolicySection.Create(
                [PeerRule.Create([new LabelPeer(LabelSelector.Parse($"tier=t{i % 3}", $"k8s:io.kubernetes.pod.namespace=n{i % 7}"))], PortMatch.OfPorts(L4Protocol.Tcp, (ushort)(80 + i % 10)))],
                i % 10 == 0 ? [PeerRule.Create([new LabelPeer(LabelSelector.Parse($"app=app{i % 11}", $"k8s:io.kubernetes.pod.namespace=n{i % 13}"))])] : null),
            Egress = PolicySection.Create([PeerRule.Create([CidrPeer.Parse($"10.{i % 256}.0.0/16"), new EntityPeer(Entity.Cluster)])]),
        };
    }
}
