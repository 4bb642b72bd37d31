using Cilium.Core;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Policy.Tests.Compilation;

public sealed class CompilerProperties
{
    [Property(MaxTest = 400)]
    public void Compiled_policy_equals_naive_evaluation(DoNotSize<int> any)
    {
        var seed = any.Item;
        var world = new PolicyWorld(seed);
        var rules = world.RandomRules(world.Next(8));
        world.AllocateCidrs(rules);
        NamePorts(world);
        var subject = world.RandomSubject();
        var policy = Compile(world, rules, subject);
        var reference = new ReferenceEvaluator(world.Options, rules, world);
        for (var i = 0; i < 150; i++)
        {
            var packet = world.RandomPacket();
            var expected = reference.Decide(subject, packet);
            var actual = TwoLookups.Decide(policy, packet);
            Assert.True(expected == actual, $"seed {seed}: {packet}: expected {expected}, got {actual}");
        }
    }

    [Property(MaxTest = 100)]
    public void Order_of_rules_does_not_matter(DoNotSize<int> any)
    {
        var seed = any.Item;
        var world = new PolicyWorld(seed);
        var rules = world.RandomRules(8);
        world.AllocateCidrs(rules);
        NamePorts(world);
        var subject = world.RandomSubject();
        var shuffled = rules.ToArray();
        new Random(seed).Shuffle(shuffled);
        Assert.Equal(Compile(world, rules, subject), Compile(world, shuffled, subject));
    }

    [Property(MaxTest = 100)]
    public void Entries_are_sorted_distinct_and_only_of_enforced_directions(DoNotSize<int> any)
    {
        var seed = any.Item;
        var world = new PolicyWorld(seed);
        var rules = world.RandomRules(8);
        world.AllocateCidrs(rules);
        var policy = Compile(world, rules, world.RandomSubject());
        Assert.Equal(policy.Entries.Select(entry => entry.Key).Distinct().Order(), policy.Entries.Select(entry => entry.Key));
        Assert.All(policy.Entries, entry => Assert.True(entry.Key.Direction == TrafficDirection.Ingress ? policy.IngressEnforced : policy.EgressEnforced));
    }

    [Property(MaxTest = 200)]
    public void Applying_a_difference_equals_building_anew_and_no_step_gives_a_third_verdict(DoNotSize<int> any)
    {
        var seed = any.Item;
        var world = new PolicyWorld(seed);
        var rules = world.RandomRules(6);
        world.AllocateCidrs(rules);
        NamePorts(world);
        var subject = world.RandomSubject();
        var before = Compile(world, rules[..3], subject).Entries;
        var after = Compile(world, rules[2..], subject).Entries;
        var difference = PolicyDifference.Between(before.AsSpan(), after.AsSpan());
        Assert.Equal(after, difference.ApplyTo(before));

        var packets = Enumerable.Range(0, 20).Select(_ => world.RandomPacket()).ToArray();
        var present = before.ToDictionary(entry => entry.Key);
        void Check() => Assert.All(packets, packet =>
        {
            var verdict = TwoLookups.Decide(present.Values, packet) == Verdict.Allowed;
            var old = TwoLookups.Decide(before, packet) == Verdict.Allowed;
            Assert.True(verdict == old || verdict == (TwoLookups.Decide(after, packet) == Verdict.Allowed), $"seed {seed}: {packet}");
        });
        foreach (var entry in difference.Upserts)
        {
            present[entry.Key] = entry;
            Check();
        }

        foreach (var entry in difference.Deletes)
        {
            present.Remove(entry.Key);
            Check();
        }
    }

    private static void NamePorts(PolicyWorld world)
    {
        foreach (var identity in world.Identities.Keys.Where(identity => identity.Value is >= 256 and < 65536))
        {
            world.NamedPorts[identity] = world.RandomNamedPorts();
        }
    }

    private static CompiledPolicy Compile(PolicyWorld world, IEnumerable<PolicyRule> rules, PolicySubject subject) =>
        PolicyCompiler.Compile(
            world.Options, rules, world.Identities.Select(pair => new KnownIdentity(pair.Key, pair.Value)), subject, world.NamedPorts);
}
