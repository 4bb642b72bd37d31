using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Datapath.Maps;
using Cilium.Datapath.Policies;

namespace Cilium.Datapath.Tests.Policies;

public sealed class PolicyCountersTests
{
    private static readonly InProcessEngine s_engine = new(new InProcessOptions { Cpus = 64 });

    [Fact]
    public void Counters_of_a_change_are_cleared_together_before_an_entry_names_one()
    {
        using var inner = BpfMap.Create("policy", new MapShape(MapType.LpmTrie, 12, 12, 16384, MapFlags.NoPreallocation), s_engine);
        var entries = inner.As<PolicyKey, PolicyValue>();
        var cleared = new List<uint[]>();
        var counters = new PolicyCounters(indices =>
        {
            Assert.Empty(entries.ToDictionary().Values.Select(value => value.Counter).Intersect(indices));
            cleared.Add([.. indices]);
        });
        var slot = new PolicySlot(1, entries, [], counters);
        slot.Change(Entries(256, 1000));
        slot.Change(Entries(256, 1000));
        slot.Change(Entries(756, 1000));
        Assert.Equal([1000, 500], cleared.Select(indices => indices.Length));
        Assert.Equal(1500, cleared.SelectMany(indices => indices).Distinct().Count());
        Assert.Equal(1000, entries.ToDictionary().Values.Select(value => value.Counter).Distinct().Count());
        slot.Change([]);
        Assert.Equal(2, cleared.Count);
    }

    [Fact]
    public void Clearing_is_about_all_CPUs_of_these_counters_only()
    {
        using var map = BpfMap.Create("stats", new MapShape(MapType.Array, 4, 16, PolicyStatistics.Counters * 64, MapFlags.None), s_engine);
        var statistics = new PolicyStatistics(map);
        var places = map.As<uint, MetricsValue>();
        foreach (var counter in new[] { 4u, 5u, 6u, 7u, 8u })
        {
            foreach (var cpu in new[] { 0u, 1u, 63u })
                places.Update((cpu * PolicyStatistics.Counters) + counter, new MetricsValue(1, 100));
        }
        statistics.Clear([5, 7]);
        Assert.Equal([3ul, 0, 3, 0, 3], new[] { 4u, 5u, 6u, 7u, 8u }.Select(counter => statistics.Read(counter).Count));
    }

    private static Dictionary<PolicyKey, PolicyValue> Entries(uint first, int count) => Enumerable.Range((int)first, count).ToDictionary(
        identity => new PolicyKey(40, (uint)identity, PolicyDirection.Ingress, 0, default), _ => new PolicyValue(0, 40, default, 0, 0, 0, 0, 0));
}
