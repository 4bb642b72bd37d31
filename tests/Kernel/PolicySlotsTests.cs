using Cilium.Bpf;
using Cilium.Core;
using Cilium.Datapath;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Policies;
using EntryKey = Cilium.Datapath.Maps.PolicyKey;
using MetricsValue = Cilium.Datapath.Maps.MetricsValue;
using PolicyValue = Cilium.Datapath.Maps.PolicyValue;

namespace Cilium.KernelTests;

public sealed class PolicySlotsTests
{
    private const uint Indices = 100;

    [Fact]
    public void A_policy_is_complete_in_its_index_and_shared()
    {
        using var maps = new TestMaps();
        using var slots = new PolicySlots(maps.Maps, maps.InnerPolicy);
        var first = slots.Acquire(Row(1, 256, 257));
        Assert.Equal(first, slots.Acquire(Row(1, 256, 257)));
        var second = slots.Acquire(Row(2, 258));
        Assert.NotEqual(first, second);
        Assert.NotEqual(PolicySlots.NoPolicy, first);
        Assert.Equal(PolicyContent.Of(Row(1, 256, 257)), Read(maps, first));
        Assert.True(maps.Maps.PolicyStamps.TryLookup(first, out var firstStamp) && firstStamp != 0);
        Assert.True(maps.Maps.PolicyStamps.TryLookup(second, out var secondStamp) && secondStamp != 0 && secondStamp != firstStamp);
    }

    [Fact]
    public void An_update_changes_the_map_and_the_stamp()
    {
        using var maps = new TestMaps();
        using var slots = new PolicySlots(maps.Maps, maps.InnerPolicy);
        var id = slots.Acquire(Row(1, 256, 257));
        maps.Maps.PolicyStamps.TryLookup(id, out var before);
        slots.Apply(Row(1, 256, 257));
        maps.Maps.PolicyStamps.TryLookup(id, out var unchanged);
        Assert.Equal(before, unchanged);
        slots.Apply(Row(1, 257, 300, 301));
        Assert.Equal(PolicyContent.Of(Row(1, 257, 300, 301)), Read(maps, id));
        maps.Maps.PolicyStamps.TryLookup(id, out var after);
        Assert.NotEqual(before, after);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(3)]
    public void Maps_of_another_size_are_made_anew_with_what_they_say(uint entries)
    {
        using var maps = new TestMaps();
        uint id, stamp;
        PolicyValue counted;
        using (var former = new PolicySlots(maps.Maps, maps.InnerPolicy with { MaxEntries = 4 }))
        {
            id = former.Acquire(Row(1, 256, 257));
            maps.Maps.PolicyStamps.TryLookup(id, out stamp);
            counted = ReadWithCounters(maps, id)[PolicyContent.Of(Row(1, 256)).Keys.Single()];
        }

        using var slots = new PolicySlots(maps.Maps, maps.InnerPolicy with { MaxEntries = entries });
        Assert.Equal(entries, SizeOf(maps, id));
        Assert.Equal(PolicyContent.Of(Row(1, 256, 257)), Read(maps, id));
        Assert.Equal(counted, ReadWithCounters(maps, id)[PolicyContent.Of(Row(1, 256)).Keys.Single()]);
        Assert.Equal(id, slots.Acquire(Row(1, 256, 257)));
        maps.Maps.PolicyStamps.TryLookup(id, out var same);
        Assert.Equal(stamp, same);
        slots.Apply(Row(1, [.. Enumerable.Range(300, (int)entries).Select(identity => (uint)identity)]));
        Assert.Equal((int)entries, Read(maps, id).Count);
        Assert.Equal(entries, SizeOf(maps, slots.Acquire(Row(2, 500))));
    }

    [Fact]
    public void A_map_whose_content_the_new_size_does_not_hold_stays_as_it_is()
    {
        using var maps = new TestMaps();
        uint id;
        using (var former = new PolicySlots(maps.Maps, maps.InnerPolicy with { MaxEntries = 4 }))
            id = former.Acquire(Row(1, 256, 257, 258));
        using var slots = new PolicySlots(maps.Maps, maps.InnerPolicy with { MaxEntries = 2 });
        Assert.Equal(id, slots.Acquire(Row(1, 256, 257, 258)));
        Assert.Equal(4u, SizeOf(maps, id));
        Assert.Equal(PolicyContent.Of(Row(1, 256, 257, 258)), Read(maps, id));
    }

    /// <summary>Connections keep verdicts under the stamp they saw: one that comes again would let them pass unasked.</summary>
    [Fact]
    public void A_stamp_is_not_given_again_after_a_crash_in_the_middle_of_a_write()
    {
        using var maps = new TestMaps();
        uint id, stamp;
        using (var slots = new PolicySlots(maps.Maps, maps.InnerPolicy))
        {
            slots.Acquire(Row(2, 300));
            id = slots.Acquire(Row(1, 256, 257));
            maps.Maps.PolicyStamps.TryLookup(id, out stamp);
            // As far as a write comes before it is killed.
            maps.Maps.PolicyStamps.Update(id, 0);
        }

        using var again = new PolicySlots(maps.Maps, maps.InnerPolicy);
        maps.Maps.PolicyStamps.TryLookup(again.Acquire(Row(3, 400)), out var next);
        Assert.True(next > stamp, $"{next} after {stamp}");
    }

    [Fact]
    public void An_index_is_freed_when_neither_row_nor_endpoint_needs_it()
    {
        using var maps = new TestMaps();
        using var slots = new PolicySlots(maps.Maps, maps.InnerPolicy);
        var id = slots.Acquire(Row(1, 256));
        slots.Forget(new PolicyContentKey(1));
        Assert.NotEmpty(Read(maps, id));
        slots.Release(new PolicyContentKey(1));
        Assert.Empty(Read(maps, id));
        Assert.Empty(slots.InUse());
    }

    [Fact]
    public void The_content_of_an_earlier_agent_is_found_again_with_its_stamp()
    {
        using var maps = new TestMaps();
        uint id, stamp;
        using (var slots = new PolicySlots(maps.Maps, maps.InnerPolicy))
        {
            id = slots.Acquire(Row(1, 256, 257));
            slots.Acquire(Row(2, 300));
            maps.Maps.PolicyStamps.TryLookup(id, out stamp);
        }
        using var again = new PolicySlots(maps.Maps, maps.InnerPolicy);
        Assert.Equal(id, again.Acquire(Row(77, 256, 257)));
        maps.Maps.PolicyStamps.TryLookup(id, out var now);
        Assert.Equal(stamp, now);
        again.PruneInherited();
        Assert.Single(Enumerable.Range(1, 100), i => Read(maps, (uint)i).Count > 0);
    }

    [Fact]
    public void More_policies_than_one_batch_of_inner_maps_are_taken()
    {
        using var maps = new TestMaps();
        using var slots = new PolicySlots(maps.Maps, maps.InnerPolicy);
        var ids = Enumerable.Range(1, 200).Select(i => slots.Acquire(Row(i, (uint)i))).ToHashSet();
        Assert.Equal(200, ids.Count);
    }

    [Fact]
    public void An_entry_that_stays_keeps_its_counter_and_others_start_at_zero()
    {
        using var maps = new TestMaps();
        uint id;
        using (var slots = new PolicySlots(maps.Maps, maps.InnerPolicy))
        {
            id = slots.Acquire(Row(1, 256, 257));
            Count(256, 5);
            Count(257, 7);
            slots.Apply(Row(1, 257, 300));
            Assert.Equal(7UL, CountOf(257));
            Assert.Equal(0UL, CountOf(300));
        }
        using var again = new PolicySlots(maps.Maps, maps.InnerPolicy);
        Assert.Equal(id, again.Acquire(Row(9, 257, 300)));
        Assert.Equal(7UL, CountOf(257));
        var other = again.Acquire(Row(10, 400));
        Assert.NotEqual(0u, CounterOf(400, other));
        Assert.DoesNotContain(CounterOf(400, other), new[] { CounterOf(257, id), CounterOf(300, id) });

        uint CounterOf(uint identity, uint policy)
        {
            using var inner = maps.Maps.Policies.OpenOrNull(policy);
            return inner!.As<EntryKey, PolicyValue>().ToDictionary().Single(entry => entry.Key.Identity == identity).Value.Counter;
        }

        void Count(uint identity, ulong packets)
        {
            var stats = maps.Maps.PolicyStats;
            var lastOfCpus = (stats.Cpus - 1) * PolicyStatistics.Counters;
            Assert.Equal(MapStatus.Ok, stats.Map.Update(lastOfCpus + CounterOf(identity, id), new MetricsValue(packets, packets * 100)));
        }

        ulong CountOf(uint identity) => maps.Maps.PolicyStats.Read(CounterOf(identity, id)).Count;
    }

    /// <summary>What goes makes room for what comes, in the order in which no packet passes that neither policy allows.</summary>
    [Fact]
    public void A_full_map_takes_any_other_content_that_fits()
    {
        using var maps = new TestMaps();
        using var slots = new PolicySlots(maps.Maps, maps.InnerPolicy with { MaxEntries = 4 });
        var id = slots.Acquire(Mixed([256, 257], [300, 301]));
        foreach (var next in new[] { Mixed([258, 259, 260], [300]), Mixed([258], [300, 302, 303]), Mixed([261, 262, 263, 264], []), Mixed([], [304, 305, 306, 307]) })
        {
            slots.Apply(next);
            Assert.Equal(PolicyContent.Of(next), Read(maps, id));
        }

        static PolicyRow Mixed(uint[] allowed, uint[] denied)
        {
            var row = Row(1, [.. allowed, .. denied]);
            return row with { Entries = row.Entries.Select(entry => denied.Contains(entry.Key.Identity.Value) ? entry with { Verdict = PolicyVerdict.Deny } : entry).ToEquatableArray() };
        }
    }

    /// <summary>Memory or descriptors may be short for a moment.</summary>
    [Fact]
    public void Inner_maps_that_the_kernel_refused_are_asked_for_again()
    {
        using var maps = new TestMaps(("cilium_policy", Indices + 1));
        var refuses = true;
        using var slots = Filled(maps, shape => refuses ? throw new KernelException("bpf_map_create", 12, "policy_inner") : Create(shape));
        for (var i = 0; i < 3; i++)
            Assert.Throws<KernelException>(() => slots.Acquire(Row(1000, 256)));
        refuses = false;
        AssertAllIndicesAreTaken(slots);
    }

    [Fact]
    public void Indices_that_the_array_refused_are_offered_again()
    {
        using var maps = new TestMaps(("cilium_policy", Indices + 1));
        var refuses = true;
        using var slots = Filled(maps, shape => Create(refuses ? shape with { ValueBytes = shape.ValueBytes + 8 } : shape));
        for (var i = 0; i < 3; i++)
            Assert.Throws<KernelException>(() => slots.Acquire(Row(1000, 256)));
        refuses = false;
        AssertAllIndicesAreTaken(slots);
    }

    [Fact]
    public void An_index_whose_content_the_kernel_refused_is_taken_by_another_policy()
    {
        using var maps = new TestMaps(("cilium_policy", 4));
        using var slots = new PolicySlots(maps.Maps, maps.InnerPolicy);
        var valid = Row(1, 256);
        // Longer than keys are: the kernel says EINVAL.
        var refused = valid with { Entries = valid.Entries.Select(entry => entry with { Key = entry.Key with { PortPrefixLength = 20 } }).ToEquatableArray() };
        for (var i = 0; i < 5; i++)
            Assert.Throws<KernelException>(() => slots.Acquire(refused));
        var ids = Enumerable.Range(1, 3).Select(i => slots.Acquire(Row(i, (uint)(300 + i)))).ToArray();
        Assert.Equal([1u, 2u, 3u], ids.Order());
        for (var i = 0; i < ids.Length; i++)
            Assert.Equal(PolicyContent.Of(Row(i + 1, (uint)(301 + i))), Read(maps, ids[i]));
    }

    /// <summary>All inner maps of the first batch are in use, so that the next policy needs more.</summary>
    private static PolicySlots Filled(TestMaps maps, Func<MapShape, BpfMap> createMore)
    {
        const int batch = 64;
        var created = 0;
        // One more is for endpoints without a policy.
        var slots = new PolicySlots(maps.Maps, maps.InnerPolicy, shape => created++ <= batch ? Create(shape) : createMore(shape));
        for (var i = 1; i <= batch; i++)
            slots.Acquire(Row(i, (uint)i));
        return slots;
    }

    private static BpfMap Create(MapShape shape) => PolicySlots.CreateInner(shape, BpfEngine.Kernel);

    private static void AssertAllIndicesAreTaken(PolicySlots slots)
    {
        var ids = Enumerable.Range(1, (int)Indices).Select(i => slots.Acquire(Row(i, (uint)i))).ToHashSet();
        Assert.Equal((int)Indices, ids.Count);
        Assert.Throws<MapFullException>(() => slots.Acquire(Row(1000, 256)));
    }

    private static Dictionary<EntryKey, PolicyValue> Read(TestMaps maps, uint id) =>
        ReadWithCounters(maps, id).ToDictionary(entry => entry.Key, entry => entry.Value with { Counter = 0 });

    private static Dictionary<EntryKey, PolicyValue> ReadWithCounters(TestMaps maps, uint id)
    {
        using var inner = maps.Maps.Policies.OpenOrNull(id);
        return inner is null ? [] : inner.As<EntryKey, PolicyValue>().ToDictionary();
    }

    private static uint SizeOf(TestMaps maps, uint id)
    {
        using var inner = maps.Maps.Policies.OpenOrNull(id);
        return inner!.Shape.MaxEntries;
    }

    private static PolicyRow Row(long key, params uint[] identities) => new()
    {
        Key = new PolicyContentKey(key),
        IngressEnforced = true,
        EgressEnforced = false,
        Entries = identities.Select(identity => new PolicyEntry(
            new PolicyKey(TrafficDirection.Ingress, new Identity(identity), L4Protocol.Tcp, 80, 16), PolicyVerdict.Allow)).ToEquatableArray(),
    };
}
