using Cilium.Core;

namespace Cilium.Policy.Tests.Engine;

public sealed class ScaleTests
{
    /// <summary>Allocated bytes stand for the work: unlike time they are the same on any machine, and what recomputes everything allocates for everything.</summary>
    [Fact]
    public void With_thousands_of_identities_one_more_costs_what_it_touches()
    {
        var engine = new PolicyEngine(new PolicyOptions { Cluster = new ClusterFacts("c1") });
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

        var before = GC.GetAllocatedBytesForCurrentThread();
        var first = engine.Commit();
        var all = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(first.Contents.Sum(change => change.Policy.Entries.Count) > 10_000);

        before = GC.GetAllocatedBytesForCurrentThread();
        var touched = 0;
        for (uint id = 5000; id < 5200; id++)
        {
            engine.UpsertIdentity(new Identity(256 + id), Labels(id));
            touched += engine.Commit().Contents.Count;
        }

        var each = (GC.GetAllocatedBytesForCurrentThread() - before) / 200;
        Assert.True(touched > 0);
        Assert.True(each < all / 20, $"{each} bytes for one more identity, {all} for all");
    }

    private static LabelSet Labels(uint id) => LabelSet.Parse(
        $"k8s:io.kubernetes.pod.namespace=n{id % 20}", $"k8s:app=app{id % 50}", $"k8s:tier=t{id % 3}", $"k8s:pod=p{id}", "k8s:io.cilium.k8s.policy.cluster=c1");

    private static PolicyRule Rule(PolicyOrigin origin, int i)
    {
        var scope = new SelectorScope(origin.Namespace);
        return new PolicyRule
        {
            Origin = origin,
            Subject = scope.ScopeSubject(i % 5 == 0 ? LabelSelector.All : LabelSelector.Parse($"app=app{i % 50}"), null, out _),
            Ingress = PolicySection.Create(
                [PeerRule.Create([new LabelPeer(LabelSelector.Parse($"tier=t{i % 3}", $"k8s:io.kubernetes.pod.namespace=n{i % 7}"))], PortMatch.OfPorts(L4Protocol.Tcp, (ushort)(80 + i % 10)))],
                i % 10 == 0 ? [PeerRule.Create([new LabelPeer(LabelSelector.Parse($"app=app{i % 11}", $"k8s:io.kubernetes.pod.namespace=n{i % 13}"))])] : null),
            Egress = PolicySection.Create([PeerRule.Create([CidrPeer.Parse($"10.{i % 256}.0.0/16"), new EntityPeer(Entity.Cluster)])]),
        };
    }
}
