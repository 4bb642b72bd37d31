using Cilium.Policy.Tests.Compilation;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Policy.Tests.Engine;

/// <summary>What packets meet while an update is carried out, row by row in the order that <see cref="PolicyUpdate"/> asks for.</summary>
public sealed class OrderProperties
{
    [Property(MaxTest = 150)]
    public void Every_packet_is_judged_by_the_old_policy_and_from_then_on_by_the_new_one(DoNotSize<int> any)
    {
        var seed = any.Item;
        var world = new PolicyWorld(seed);
        var engine = new PolicyEngine(world.Options);
        foreach (var (identity, labels) in world.Identities)
        {
            engine.UpsertIdentity(identity, labels);
        }

        var maps = new Maps(world, [.. Enumerable.Range(0, 4).Select(_ => world.RandomSubject()).Distinct()]);
        foreach (var subject in maps.Subjects)
        {
            engine.AddSubject(subject);
        }

        maps.Carry(engine, seed);
        for (var step = 0; step < 12; step++)
        {
            for (var change = world.Next(2); change >= 0; change--)
            {
                var origin = new PolicyOrigin("CiliumNetworkPolicy", "n0", $"p{world.Next(4)}");
                engine.SetPolicy(origin, world.RandomRules(world.Next(3)).Where(DependsOnTheAddressAlone).Select(rule => rule with { Origin = origin }));
            }

            maps.Carry(engine, seed);
        }
    }

    // A text such as 1.2.3.4/0 selects what other rules give an identity, and not the rest of the world: its verdict is the other rules' affair.
    private static bool DependsOnTheAddressAlone(PolicyRule rule) =>
        new[] { rule.Ingress.Allow, rule.Ingress.Deny, rule.Egress.Allow, rule.Egress.Deny }
            .SelectMany(list => list).SelectMany(element => element.Peers).OfType<CidrPeer>().All(peer => peer.Prefix.Length > 0 || peer.IncludesWorld);

    /// <summary>What the datapath holds, and packets that ask it after each row.</summary>
    private sealed class Maps(PolicyWorld world, PolicySubject[] subjects)
    {
        private readonly Dictionary<PolicyContentId, CompiledPolicy> _contents = [];
        private readonly Dictionary<PolicySubject, PolicyContentId> _assigned = [];
        private readonly List<Packet> _packets = [.. Enumerable.Range(0, 60).Select(_ => world.RandomPacket())];
        private readonly List<Verdict?[]> _seen = [];

        public PolicySubject[] Subjects => subjects;

        public void Carry(PolicyEngine engine, int seed)
        {
            _seen.Clear();
            Look();
            PolicyUpdate update;
            do
            {
                update = engine.Commit();
                Carry(update);
            }
            while (update.CidrsRemoved.Count > 0);

            foreach (var subject in subjects)
            {
                Assert.True(engine.TryGet(subject, out var id, out var policy));
                Assert.Equal((id, policy), (_assigned[subject], _contents[id]));
            }

            for (var i = 0; i < _seen[0].Length; i++)
            {
                var (before, after) = (_seen[0][i], _seen[^1][i]);
                // What had no policy yet had no verdict.
                var changed = before is null ? 0 : _seen.FindIndex(seen => seen[i] != before);
                Assert.True(
                    changed < 0 || before is null || _seen.Skip(changed).All(seen => seen[i] == after),
                    $"seed {seed}: {_packets[i % _packets.Count]} was {before}, then {string.Join(' ', _seen.Select(seen => seen[i]))}");
            }
        }

        private void Carry(PolicyUpdate update)
        {
            Rows(update.Contents, change => _contents[change.Id] = change.Policy);
            Rows(update.CidrsAdded, pair => world.Cidrs[pair.Key] = pair.Value.Id);
            Rows(update.Assignments, pair => _assigned[pair.Key] = pair.Value);
            Rows(update.CidrsRemoved, pair => world.Cidrs.Remove(pair.Key));
            foreach (var id in update.RemovedContents)
            {
                _contents.Remove(id);
            }
        }

        private void Rows<T>(IEnumerable<T> rows, Action<T> write)
        {
            foreach (var row in rows.OrderBy(_ => world.Next(1000)).ToArray())
            {
                write(row);
                Look();
            }
        }

        private void Look() => _seen.Add([.. subjects.SelectMany(subject => _packets.Select(packet => Decide(subject, packet)))]);

        private Verdict? Decide(PolicySubject subject, Packet packet) => !_assigned.TryGetValue(subject, out var id)
            ? null
            : TwoLookups.Decide(_contents[id], packet.PeerAddress is { } address ? packet with { Peer = world.Resolve(address) } : packet);
    }
}
