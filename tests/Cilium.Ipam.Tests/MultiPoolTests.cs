using Cilium.Core;

namespace Cilium.Ipam.Tests;

public sealed class MultiPoolTests
{
    private readonly ManualClock _clock = new();

    [Fact]
    public void A_new_node_asks_for_what_it_keeps_ready()
    {
        var ipam = new MultiPoolIpam(true, false, time: _clock);
        Assert.Equal([new PoolDemand("default", 8, 0)], ipam.Demands());
        Assert.False(ipam.IsReady);
        ipam.SetAllocated([Held("default", "10.10.0.0/27")]);
        Assert.True(ipam.IsReady);
        Assert.True(ipam.Allocate(AddressOwners.Router).IsOk);
        Assert.Equal([new PoolDemand("default", 16, 0)], ipam.Demands());
    }

    [Fact]
    public void Pools_without_pre_allocation_get_what_is_asked_for()
    {
        var ipam = new MultiPoolIpam(true, false, time: _clock);
        var asked = ipam.Allocate(new AddressRequest("acme/web-1") { IPv4Pool = "acme" });
        Assert.Equal(AllocationStatus.Pending, asked.Status);
        Assert.StartsWith("IPv4: pool acme has no free address on this node yet", asked.Message, StringComparison.Ordinal);
        Assert.Equal(AllocationStatus.Pending, ipam.Allocate(new AddressRequest("acme/web-2") { IPv4Pool = "acme" }).Status);
        Assert.Contains(new PoolDemand("acme", 2, 0), ipam.Demands());

        ipam.SetAllocated([Held("default", "10.10.0.0/27"), Held("acme", "10.20.0.0/27")]);
        var given = ipam.Allocate(new AddressRequest("acme/web-1") { IPv4Pool = "acme" });
        Assert.Equal("acme", given.IPv4!.Value.Pool);
        Assert.Contains(new PoolDemand("acme", 2, 0), ipam.Demands());
        _clock.Advance(TimeSpan.FromMinutes(5));
        Assert.Contains(new PoolDemand("acme", 1, 0), ipam.Demands());
    }

    [Fact]
    public void A_free_cidr_that_is_not_needed_is_let_go_and_gives_nothing_more()
    {
        var ipam = new MultiPoolIpam(true, false, time: _clock, random: new Random(1));
        ipam.SetAllocated([Held("default", "10.10.0.0/27"), Held("acme", "10.20.0.0/29", "10.20.0.8/29")]);
        var pods = Enumerable.Range(0, 12).Select(i => ipam.Allocate(new AddressRequest($"acme/{i}") { IPv4Pool = "acme" }).IPv4!.Value).ToList();
        Assert.Equal([Held("acme", "10.20.0.0/29", "10.20.0.8/29"), Held("default", "10.10.0.0/27")], ipam.Keep());
        Assert.All(pods.Where(pod => pod.Range == Prefix.Parse("10.20.0.8/29")), pod => Assert.True(ipam.Release(pod.Address)));
        Assert.Equal([Held("acme", "10.20.0.0/29"), Held("default", "10.10.0.0/27")], ipam.Keep());

        // The answer that was on its way when it was let go does not bring it back.
        ipam.SetAllocated([Held("default", "10.10.0.0/27"), Held("acme", "10.20.0.0/29", "10.20.0.8/29")]);
        Assert.Equal(AllocationStatus.Pending, ipam.Allocate(new AddressRequest("acme/x") { IPv4Pool = "acme" }).Status);
        ipam.SetAllocated([Held("default", "10.10.0.0/27"), Held("acme", "10.20.0.0/29")]);
        ipam.SetAllocated([Held("default", "10.10.0.0/27"), Held("acme", "10.20.0.0/29", "10.20.0.8/29")]);
        Assert.True(ipam.Allocate(new AddressRequest("acme/x") { IPv4Pool = "acme" }).IsOk);
    }

    [Fact]
    public void When_one_family_is_pending_the_other_is_given_back_and_both_are_asked_for()
    {
        var ipam = new MultiPoolIpam(true, true, new MultiPoolOptions { PreAllocate = new Dictionary<string, int>() }, _clock);
        ipam.SetAllocated([Held("default", "10.10.0.0/27")]);
        Assert.Equal(AllocationStatus.Pending, ipam.Allocate("default/a").Status);
        Assert.Empty(ipam.Snapshot());
        Assert.Equal([new PoolDemand("default", 1, 1)], ipam.Demands());
    }

    [Fact]
    public void The_operator_adds_whole_cidrs_until_the_need_is_met()
    {
        var allocator = new MultiPoolAllocator(true, false);
        Assert.NotNull(allocator.SetPool(Pool("default", "10.10.0.0/16", 27), out _));
        Assert.NotNull(allocator.SetPool(Pool("acme", "10.20.0.0/16", 27), out _));
        var first = allocator.Decide(Node("a", [], new PoolDemand("default", 16, 0)));
        Assert.Equal([Held("default", "10.10.0.0/27")], first.Held);
        var more = Node("a", first.Held, new PoolDemand("default", 16, 0), new PoolDemand("acme", 40, 0));
        Assert.Equal([Held("default", "10.10.0.0/27"), Held("acme", "10.20.0.0/27", "10.20.0.32/27")], allocator.Decide(more).Held);
        Assert.Equal(allocator.Decide(more).Held, allocator.Decide(more).Held);
        Assert.Equal([Held("default", "10.10.0.32/27")], allocator.Decide(Node("b", [], new PoolDemand("default", 8, 0))).Held);
    }

    [Fact]
    public void A_cidr_is_free_when_the_node_no_longer_lists_it_and_not_before()
    {
        var allocator = new MultiPoolAllocator(true, false);
        allocator.SetPool(Pool("p", "10.0.0.0/27", 28), out _);
        var one = allocator.Decide(Node("a", [], new PoolDemand("p", 1, 0)));
        Assert.Equal(one.Held, allocator.Decide(Node("a", [], new PoolDemand("p", 1, 0))).Held);
        allocator.Decide(Node("a", one.Held, new PoolDemand("p", 1, 0)));
        allocator.Decide(Node("b", [], new PoolDemand("p", 1, 0)));
        var refused = allocator.Decide(Node("c", [], new PoolDemand("p", 1, 0)));
        Assert.Equal(["pool p is exhausted: no IPv4 /28 is free"], refused.Errors);
        Assert.Equal(["c"], allocator.Waiting());
        allocator.Decide(Node("a", [], []));
        Assert.Equal(one.Held, allocator.Decide(Node("c", [], new PoolDemand("p", 1, 0))).Held);
    }

    [Fact]
    public void A_node_object_made_anew_has_let_go_of_nothing()
    {
        var allocator = new MultiPoolAllocator(true, false);
        allocator.SetPool(Pool("p", "10.0.0.0/26", 28), out _);
        var need = new PoolDemand("p", 20, 0);
        var first = allocator.Decide(Node("a", [], need) with { Incarnation = "1" });
        Assert.Equal([Held("p", "10.0.0.0/28", "10.0.0.16/28")], first.Held);
        allocator.Decide(Node("a", first.Held, need) with { Incarnation = "1" });
        Assert.Equal(first.Held, allocator.Decide(Node("a", [], new PoolDemand("p", 1, 0)) with { Incarnation = "2" }).Held);
        Assert.Equal([Held("p", "10.0.0.32/28", "10.0.0.48/28")], allocator.Decide(Node("b", [], need)).Held);
        Assert.Equal(0, allocator.Freed);
    }

    [Theory]
    [InlineData("missing", "pool missing does not exist")]
    [InlineData("six", "pool six has no IPv4 CIDRs")]
    [InlineData("tiny", "pool tiny: IPv4 CIDRs of mask size 32 have no address for pods")]
    public void What_cannot_be_given_is_told(string pool, string expected)
    {
        var allocator = new MultiPoolAllocator(true, true);
        allocator.SetPool(new PoolDefinition("six", null, new PoolFamily([Prefix.Parse("fd00::/112")], 120)), out _);
        allocator.SetPool(Pool("tiny", "10.0.0.0/24", 32), out _);
        Assert.Equal([expected], allocator.Decide(Node("a", [], new PoolDemand(pool, 1, 0))).Errors);
    }

    [Fact]
    public void Pools_that_overlap_never_give_the_same_addresses()
    {
        var allocator = new MultiPoolAllocator(true, false);
        allocator.SetPool(Pool("p", "10.0.0.0/26", 28), out _);
        allocator.SetPool(Pool("q", "10.0.0.0/25", 27), out _);
        allocator.Decide(Node("a", [], new PoolDemand("p", 1, 0)));
        var b = allocator.Decide(Node("b", [], new PoolDemand("q", 90, 0)));
        Assert.Equal([Held("q", "10.0.0.32/27", "10.0.0.64/27", "10.0.0.96/27")], b.Held);
        Assert.Equal(["b"], allocator.Release("a").Union(allocator.Waiting()).DefaultIfEmpty("b"));
        Assert.Equal([Held("q", "10.0.0.0/27")], allocator.Decide(Node("c", [], new PoolDemand("q", 1, 0))).Held);
    }

    [Fact]
    public void A_pool_that_shrinks_or_widens_leaves_nodes_what_they_hold()
    {
        var allocator = new MultiPoolAllocator(true, false);
        allocator.SetPool(Pool("p", "10.0.0.0/27", 28), out _);
        var a = Node("a", allocator.Decide(Node("a", [], new PoolDemand("p", 1, 0))).Held, new PoolDemand("p", 1, 0));
        allocator.SetPool(Pool("p", "10.9.0.0/27", 28), out _);

        // What it holds is drained: for new pods it gets another beside it.
        Assert.Equal([Held("p", "10.0.0.0/28", "10.9.0.0/28")], allocator.Decide(a).Held);
        Assert.Equal([Held("p", "10.9.0.16/28")], allocator.Decide(Node("b", [], new PoolDemand("p", 1, 0))).Held);
        allocator.SetPool(Pool("p", "10.0.0.0/16", 28), out _);
        Assert.Equal([Held("p", "10.0.0.16/28")], allocator.Decide(Node("c", [], new PoolDemand("p", 1, 0))).Held);
        Assert.Null(allocator.SetPool(Pool("p", "10.0.0.0/16", 8), out var error));
        Assert.Equal("mask size 8 does not fit 10.0.0.0/16", error[..error.IndexOf(" (", StringComparison.Ordinal)]);
    }

    [Fact]
    public void A_drained_cidr_gives_nothing_more_and_is_let_go_with_its_last_address()
    {
        var (old, next) = (Prefix.Parse("10.0.0.0/28"), Prefix.Parse("10.9.0.0/28"));
        var ipam = new MultiPoolIpam(true, false);
        ipam.SetAllocated([Held("default", "10.0.0.0/28")]);
        var first = ipam.Allocate(new AddressRequest("default/a")).IPv4!.Value.Address;
        ipam.SetAllocated([Held("default", "10.0.0.0/28", "10.9.0.0/28")], new HashSet<Prefix> { old });
        Assert.True(next.Contains(ipam.Allocate(new AddressRequest("default/b")).IPv4!.Value.Address));
        Assert.Equal([Held("default", "10.0.0.0/28", "10.9.0.0/28")], ipam.Keep());
        ipam.Release(first);
        Assert.Equal([Held("default", "10.9.0.0/28")], ipam.Keep());
    }

    internal static PoolCidrs Held(string pool, params string[] cidrs) => new(pool, cidrs.Select(text => Prefix.Parse(text)).ToEquatableArray());

    internal static PoolDefinition Pool(string name, string cidr, int mask) => new(name, new PoolFamily([Prefix.Parse(cidr)], mask), null);

    private static NodeHoldings Node(string name, IReadOnlyList<PoolCidrs> held, params PoolDemand[] demands) => new(name, held, demands);
}
