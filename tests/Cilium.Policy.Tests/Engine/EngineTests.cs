using Cilium.Core;

namespace Cilium.Policy.Tests.Engine;

public sealed class EngineTests
{
    private static readonly PolicyOptions s_options = new() { Cluster = new ClusterFacts("c1") };
    private static readonly PolicyOrigin s_origin = new("CiliumNetworkPolicy", "n0", "p");
    private static readonly PolicyRule s_rule = new()
    {
        Origin = s_origin,
        Subject = LabelSelector.Parse("app=server"),
        Ingress = PolicySection.Create([PeerRule.Create([new LabelPeer(LabelSelector.Parse("app=client"))], PortMatch.OfPorts(L4Protocol.Tcp, 80))]),
    };

    [Fact]
    public void A_new_identity_of_an_existing_rule_changes_the_policy_in_place()
    {
        var engine = new PolicyEngine(s_options);
        engine.SetPolicy(s_origin, [s_rule]);
        engine.AddSubject(new PolicySubject(LabelSet.Parse("k8s:app=server", "k8s:n=1")));
        engine.AddSubject(new PolicySubject(LabelSet.Parse("k8s:app=server", "k8s:n=2")));
        var first = engine.Commit();
        var content = Assert.Single(first.Contents);
        Assert.Null(content.InPlace);
        Assert.Equal([content.Id, content.Id], first.Assignments.Values);

        engine.UpsertIdentity(new Identity(300), LabelSet.Parse("k8s:app=client"));
        engine.UpsertIdentity(new Identity(301), LabelSet.Parse("k8s:app=nobody"));
        var second = engine.Commit();
        var key = new PolicyKey(TrafficDirection.Ingress, new Identity(300), L4Protocol.Tcp, 80, 16);
        Assert.Equal([new PolicyEntry(key, PolicyVerdict.Allow)], Assert.Single(second.Contents).InPlace!.Upserts);
        Assert.Empty(second.Assignments);

        engine.RemoveIdentity(new Identity(300));
        Assert.Equal([key], Assert.Single(engine.Commit().Contents).InPlace!.Deletes.Select(entry => entry.Key));
    }

    [Fact]
    public void A_changed_rule_gives_its_subjects_another_policy_and_removes_the_old_one()
    {
        var engine = new PolicyEngine(s_options);
        var subject = new PolicySubject(LabelSet.Parse("k8s:app=server"));
        engine.SetPolicy(s_origin, [s_rule]);
        engine.AddSubject(subject);
        var before = engine.Commit().Assignments[subject];
        engine.SetPolicy(s_origin, [s_rule with { Egress = PolicySection.Create([PeerRule.Nothing]) }]);
        var update = engine.Commit();
        Assert.NotEqual(before, update.Assignments[subject]);
        Assert.Equal([before], update.RemovedContents);
    }

    [Fact]
    public void An_equal_rule_set_again_changes_nothing()
    {
        var engine = new PolicyEngine(s_options);
        engine.SetPolicy(s_origin, [s_rule]);
        engine.AddSubject(new PolicySubject(LabelSet.Parse("k8s:app=server")));
        engine.Commit();
        engine.SetPolicy(s_origin, [s_rule with { }]);
        var update = engine.Commit();
        Assert.Empty(update.Contents);
        Assert.Empty(update.Assignments);
    }

    [Fact]
    public void Prefixes_of_rules_get_identities_while_a_rule_names_them()
    {
        var engine = new PolicyEngine(s_options);
        var peer = CidrPeer.Parse("192.0.2.0/24");
        engine.SetPolicy(s_origin, [s_rule with { Egress = PolicySection.Create([PeerRule.Create([peer])]) }]);
        var added = Assert.Single(engine.Commit().CidrsAdded);
        Assert.Equal((peer.Prefix, 16777217u), (added.Key, added.Value.Id.Value));
        Assert.True(engine.Identities.TryGet(added.Value.Id, out _));
        engine.RemovePolicy(s_origin with { Uid = "other" });
        Assert.Equal(added, Assert.Single(engine.Commit().CidrsRemoved));
        Assert.True(engine.Identities.TryGet(added.Value.Id, out _));
        Assert.Empty(engine.Commit().CidrsRemoved);
        Assert.False(engine.Identities.TryGet(added.Value.Id, out _));
    }

    [Fact]
    public void A_prefix_named_again_before_the_next_commit_keeps_its_identity()
    {
        var engine = new PolicyEngine(s_options);
        var rule = s_rule with { Egress = PolicySection.Create([PeerRule.Create([CidrPeer.Parse("192.0.2.0/24")])]) };
        engine.SetPolicy(s_origin, [rule]);
        var added = Assert.Single(engine.Commit().CidrsAdded);
        engine.RemovePolicy(s_origin);
        Assert.Single(engine.Commit().CidrsRemoved);
        engine.SetPolicy(s_origin, [rule]);
        var update = engine.Commit();
        Assert.Equal(added, Assert.Single(update.CidrsAdded));
        Assert.Empty(update.CidrsRemoved);
        engine.Commit();
        Assert.True(engine.Identities.TryGet(added.Value.Id, out _));
    }

    [Fact]
    public void An_entry_is_explained_by_all_objects_that_give_it()
    {
        var engine = new PolicyEngine(s_options);
        var subject = new PolicySubject(LabelSet.Parse("k8s:app=server"));
        var other = s_origin with { Name = "q" };
        engine.SetPolicy(s_origin, [s_rule]);
        engine.SetPolicy(other, [s_rule with { Origin = other }]);
        engine.UpsertIdentity(new Identity(300), LabelSet.Parse("k8s:app=client"));
        engine.AddSubject(subject);
        engine.Commit();
        Assert.Equal([s_origin, other], engine.Explain(subject, new PolicyKey(TrafficDirection.Ingress, new Identity(300), L4Protocol.Tcp, 80, 16)));
        Assert.Equal([PolicyOrigin.AllowLocalhostIngress], engine.Explain(subject, new PolicyKey(TrafficDirection.Ingress, Identity.Host, L4Protocol.Any, 0, 0)));
        Assert.Empty(engine.Explain(subject, new PolicyKey(TrafficDirection.Ingress, new Identity(300), L4Protocol.Tcp, 81, 16)));
    }

    [Fact]
    public void A_named_port_for_everybody_does_not_explain_the_entry_of_one_peer()
    {
        var engine = new PolicyEngine(s_options);
        var subject = new PolicySubject(LabelSet.Parse("k8s:app=server"), [new NamedPort("http", L4Protocol.Tcp, 80)]);
        var everybody = s_origin with { Name = "everybody" };
        engine.SetPolicy(s_origin, [s_rule]);
        engine.SetPolicy(everybody, [s_rule with { Origin = everybody, Ingress = PolicySection.Create([PeerRule.Create([PeerSelector.All], PortMatch.OfName(L4Protocol.Tcp, "http"))]) }]);
        engine.UpsertIdentity(new Identity(300), LabelSet.Parse("k8s:app=client"));
        engine.AddSubject(subject);
        engine.Commit();
        var key = new PolicyKey(TrafficDirection.Ingress, new Identity(300), L4Protocol.Tcp, 80, 16);
        Assert.Equal([s_origin], engine.Explain(subject, key));
        Assert.Equal([everybody], engine.Explain(subject, key with { Identity = Identity.Unknown }));
    }

    [Fact]
    public void An_attribution_keeps_to_the_rules_of_its_commit_and_follows_who_wrote_them()
    {
        var engine = new PolicyEngine(s_options);
        var subject = new PolicySubject(LabelSet.Parse("k8s:app=server"));
        var other = s_origin with { Name = "q" };
        var client = new KnownIdentity(new Identity(300), LabelSet.Parse("k8s:app=client"));
        engine.SetPolicy(s_origin, [s_rule]);
        engine.UpsertIdentity(client.Id, client.Labels);
        Assert.Null(engine.Attribute(subject));
        engine.AddSubject(subject);
        engine.Commit();
        var before = engine.Attribute(subject)!;
        Assert.Equal([s_origin], before.Find(TrafficDirection.Ingress, client, L4Protocol.Tcp, 80, out var isDeny));
        Assert.False(isDeny);
        Assert.Empty(before.Find(TrafficDirection.Ingress, client, L4Protocol.Udp, 80, out _));
        Assert.Empty(before.Find(TrafficDirection.Egress, client, L4Protocol.Tcp, 80, out _));

        // Identities that come change no attribution; another object with the same rule does, though no entry changes.
        engine.UpsertIdentity(new Identity(301), client.Labels);
        engine.Commit();
        Assert.Same(before, engine.Attribute(subject));
        Assert.Equal([s_origin], before.Find(TrafficDirection.Ingress, new KnownIdentity(new Identity(301), client.Labels), L4Protocol.Tcp, 80, out _));
        engine.SetPolicy(other, [s_rule with { Origin = other }]);
        engine.RemovePolicy(s_origin);
        Assert.Same(before, engine.Attribute(subject));
        Assert.Empty(engine.Commit().Contents);
        var after = engine.Attribute(subject)!;
        Assert.Equal(engine.Revision, after.Revision);
        Assert.Equal([other], after.Find(TrafficDirection.Ingress, client, L4Protocol.Tcp, 80, out _));
        Assert.Equal([s_origin], before.Find(TrafficDirection.Ingress, client, L4Protocol.Tcp, 80, out _));
    }

    [Fact]
    public async Task A_commit_ends_the_wait_for_it()
    {
        var engine = new PolicyEngine(s_options);
        var wait = engine.WaitPastAsync(engine.Revision, CancellationToken.None);
        Assert.False(wait.IsCompleted);
        engine.Commit();
        await wait;
        Assert.True(engine.WaitPastAsync(engine.Revision - 1, CancellationToken.None).IsCompletedSuccessfully);
        using var stop = new CancellationTokenSource();
        var cancelled = engine.WaitPastAsync(engine.Revision, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
    }

    /// <summary>A question is answered from one commit, whatever others come meanwhile.</summary>
    [Fact]
    public async Task Rules_are_explained_while_the_entry_comes_and_goes()
    {
        var engine = new PolicyEngine(s_options);
        var subject = new PolicySubject(LabelSet.Parse("k8s:app=server"));
        var key = new PolicyKey(TrafficDirection.Ingress, new Identity(300), L4Protocol.Tcp, 80, 16);
        engine.UpsertIdentity(new Identity(300), LabelSet.Parse("k8s:app=client"));
        engine.AddSubject(subject);
        engine.SetPolicy(s_origin, [s_rule]);
        engine.Commit();
        var isOver = false;
        var asking = Task.Factory.StartNew(
            () =>
            {
                var answers = 0;
                while (!Volatile.Read(ref isOver))
                {
                    answers += engine.ExplainRules(subject, key).Count;
                }

                return answers;
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        for (var i = 0; i < 5000 && !asking.IsCompleted; i++)
        {
            engine.RemovePolicy(s_origin);
            engine.Commit();
            engine.SetPolicy(s_origin, [s_rule]);
            engine.Commit();
        }

        Volatile.Write(ref isOver, true);
        await asking;
        Assert.Single(engine.ExplainRules(subject, key));
    }

    /// <summary>An annotation of a NetworkPolicy gives its rules another name than the object has.</summary>
    [Fact]
    public void Rules_that_show_another_name_than_their_object_are_explained()
    {
        var engine = new PolicyEngine(s_options);
        var subject = new PolicySubject(LabelSet.Parse("k8s:app=server"));
        var shown = s_origin with { Name = "shown" };
        engine.SetPolicy(s_origin, [s_rule with { Origin = shown, Subject = LabelSelector.Parse("app=elsewhere") }, s_rule with { Origin = shown }]);
        engine.UpsertIdentity(new Identity(300), LabelSet.Parse("k8s:app=client"));
        engine.AddSubject(subject);
        engine.Commit();
        var place = new RuleReference(shown, 1, TrafficDirection.Ingress, false, 0, "");
        Assert.Equal([place], engine.ExplainRules(subject, new PolicyKey(TrafficDirection.Ingress, new Identity(300), L4Protocol.Tcp, 80, 16)));
        Assert.Equal([place with { Element = -1 }], engine.EnforcingRules(subject, TrafficDirection.Ingress));
    }
}
