using Cilium.Core;
using Cilium.Policy.Tests.Compilation;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Policy.Tests.Engine;

public sealed class EngineProperties
{
    [Property(MaxTest = 150)]
    public void Incremental_equals_full_recompute_after_every_commit(DoNotSize<int> any)
    {
        var seed = any.Item;
        var world = new PolicyWorld(seed);
        var engine = new PolicyEngine(world.Options);
        foreach (var (identity, labels) in world.Identities)
        {
            engine.UpsertIdentity(identity, labels);
        }

        var model = new Model(world, engine);
        for (var step = 0; step < 25; step++)
        {
            for (var change = world.Next(3); change >= 0; change--)
            {
                model.ChangeSomething();
            }

            model.Apply(engine.Commit());
            model.Check(seed);
            model.CheckAttributions(seed);
        }

        model.CheckExplanations();
    }

    /// <summary>What a control plane holds that follows the engine's updates.</summary>
    private sealed class Model(PolicyWorld world, PolicyEngine engine)
    {
        private readonly Dictionary<PolicyOrigin, List<PolicyRule>> _policies = [];
        private readonly List<PolicySubject> _subjects = [];
        private readonly Dictionary<PolicySubject, PolicyContentId> _assigned = [];
        private readonly Dictionary<PolicyContentId, CompiledPolicy> _contents = [];
        private readonly HashSet<PolicyContentId> _dead = [];
        private readonly List<Identity> _leaving = [];

        public void ChangeSomething()
        {
            var pod = new Identity((uint)(256 + world.Next(10)));
            switch (world.Next(10))
            {
                case 0 or 1:
                    world.Identities[pod] = world.RandomPodLabels();
                    engine.UpsertIdentity(pod, world.Identities[pod]);
                    break;
                case 2:
                    world.Identities.Remove(pod);
                    engine.RemoveIdentity(pod);
                    break;
                case 3:
                    var labels = world.Next(2) == 0 ? ReservedIdentities.HostWithKubeApiServer : LabelSet.Reserved("host");
                    world.Identities[Identity.Host] = labels;
                    engine.UpsertIdentity(Identity.Host, labels);
                    break;
                case 4:
                    var ports = world.RandomNamedPorts();
                    world.NamedPorts[pod] = ports;
                    engine.SetNamedPorts(pod, ports);
                    break;
                case 5 or 6:
                    var subject = world.RandomSubject();
                    _subjects.Add(subject);
                    engine.AddSubject(subject);
                    break;
                case 7 when _subjects.Count > 0:
                    subject = world.Pick(_subjects);
                    _subjects.Remove(subject);
                    engine.RemoveSubject(subject);
                    break;
                default:
                    var origin = new PolicyOrigin("CiliumNetworkPolicy", "n0", $"p{world.Next(6)}");
                    var rules = world.RandomRules(world.Next(4)).ConvertAll(rule => rule with { Origin = origin });
                    _policies[origin] = rules;
                    engine.SetPolicy(origin, rules);
                    break;
            }
        }

        public void Apply(PolicyUpdate update)
        {
            // The identities of prefixes that no rule names stay in policies for one commit.
            foreach (var identity in _leaving.Except(update.CidrsAdded.Values.Select(known => known.Id)))
            {
                Assert.True(world.Identities.Remove(identity));
            }

            _leaving.Clear();
            foreach (var (prefix, identity) in update.CidrsAdded)
            {
                world.Cidrs.Add(prefix, identity.Id);
                world.Identities[identity.Id] = identity.Labels;
            }

            foreach (var change in update.Contents)
            {
                Assert.DoesNotContain(change.Id, _dead);
                Assert.Equal(change.InPlace is not null, _contents.ContainsKey(change.Id));
                if (change.InPlace is not null)
                {
                    Assert.False(change.InPlace.IsEmpty);
                    Assert.Equal(change.Policy.Entries, change.InPlace.ApplyTo(_contents[change.Id].Entries));
                }

                _contents[change.Id] = change.Policy;
            }

            foreach (var (subject, id) in update.Assignments)
            {
                _assigned[subject] = id;
            }

            foreach (var gone in _assigned.Keys.Except(_subjects).ToArray())
            {
                _assigned.Remove(gone);
            }

            foreach (var id in update.RemovedContents)
            {
                _dead.Add(id);
                _contents.Remove(id);
            }

            foreach (var (prefix, identity) in update.CidrsRemoved)
            {
                Assert.True(world.Cidrs.Remove(prefix));
                _leaving.Add(identity.Id);
            }
        }

        public void Check(int seed)
        {
            var rules = _policies.Values.SelectMany(list => list).ToArray();
            var identities = world.Identities.Select(pair => new KnownIdentity(pair.Key, pair.Value)).ToArray();
            Assert.Equal(_assigned.Values.ToHashSet(), _contents.Keys.ToHashSet());
            foreach (var subject in _subjects.Distinct())
            {
                var full = PolicyCompiler.Compile(world.Options, rules, identities, subject, world.NamedPorts);
                Assert.True(engine.TryGet(subject, out var id, out var current));
                Assert.Equal(_assigned[subject], id);
                Assert.True(full == current && full == _contents[id], $"seed {seed}: {subject}");
            }
        }

        /// <summary>What is behind a packet's verdict is what is behind the entry that decides on it.</summary>
        public void CheckAttributions(int seed)
        {
            foreach (var subject in _subjects.Distinct())
            {
                Assert.True(engine.TryGet(subject, out _, out var current));
                var attribution = engine.Attribute(subject)!;
                for (var i = 0; i < 20; i++)
                {
                    var packet = world.RandomPacket();
                    var entry = TwoLookups.Deciding(current.Entries, packet);
                    var peer = new KnownIdentity(packet.Peer, world.Identities.GetValueOrDefault(packet.Peer, LabelSet.Empty));
                    var origins = attribution.Find(packet.Direction, peer, packet.Protocol, packet.Port, out var isDeny);
                    Assert.Equal(entry is null ? [] : engine.Explain(subject, entry.Value.Key), origins);
                    Assert.True(isDeny == (entry?.Verdict.IsDeny ?? false), $"seed {seed}: {subject} {packet}");
                }
            }
        }

        public void CheckExplanations()
        {
            foreach (var subject in _subjects.Distinct())
            {
                Assert.True(engine.TryGet(subject, out _, out var current));
                Assert.All(current.Entries.Take(40), entry => Assert.NotEmpty(engine.Explain(subject, entry.Key)));
            }
        }
    }
}
