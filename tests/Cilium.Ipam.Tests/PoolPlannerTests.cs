using Cilium.Core;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Ipam.Tests;

public sealed class PoolPlannerTests
{
    private static readonly Prefix s_old = Prefix.Parse("10.0.0.0/24");
    private static readonly Prefix s_new = Prefix.Parse("10.1.0.0/24");

    [Fact]
    public void A_plan_without_change_tells_how_the_pool_stands()
    {
        var plan = PoolPlanner.Plan(Cluster(), new PoolChange("default", [], []));
        Assert.False(plan.HasChange);
        Assert.Equal(new PlannedCidr(s_old, PoolCidrState.Kept, 2, 1), Assert.Single(plan.Cidrs));
        Assert.Empty(plan.Draining);
    }

    [Fact]
    public void Draining_tells_who_must_go_before_a_cidr_is_free()
    {
        var plan = PoolPlanner.Plan(Cluster(), new PoolChange("default", [s_new], [s_old]));
        Assert.True(plan.HasChange);
        Assert.Empty(plan.Problems);
        Assert.Equal([s_new], plan.After!.IPv4!.Cidrs);
        Assert.Equal([(s_old, PoolCidrState.Draining), (s_new, PoolCidrState.Added)], plan.Cidrs.Select(cidr => (cidr.Cidr, cidr.State)));
        Assert.Equal([("a", "default/x"), ("b", "")], plan.Draining.Select(holding => (holding.Node, string.Join(",", holding.Owners))));
    }

    [Theory]
    [InlineData("default", "", "10.0.0.0/24", "without an IPv4 CIDR")]
    [InlineData("default", "", "10.7.0.0/24", "is no CIDR of pool default")]
    [InlineData("default", "10.0.0.128/25", "", "overlaps 10.0.0.0/24 of pool default")]
    [InlineData("default", "10.1.0.0/30", "", "smaller than the pool's mask size /28")]
    [InlineData("default", "10.1.0.0/24,10.1.0.0/25", "", "overlaps another CIDR")]
    [InlineData("default", "fd00::/64", "", "has no IPv6 part")]
    [InlineData("default", "10.5.0.0/24", "", "overlaps 10.5.0.0/24 of pool other")]
    [InlineData("default", "10.6.0.0/24", "", "overlaps 10.6.0.0/27, which node a holds of pool gone")]
    [InlineData("none", "10.1.0.0/24", "", "there is no pool none")]
    public void What_cannot_be_is_refused(string pool, string add, string drain, string problem)
    {
        var plan = PoolPlanner.Plan(Cluster(), new PoolChange(pool, Prefixes(add), Prefixes(drain)));
        Assert.Contains(plan.Problems, text => text.Contains(problem, StringComparison.Ordinal));
    }

    [Fact]
    public void A_pool_too_small_for_those_who_must_move_is_a_warning()
    {
        var plan = PoolPlanner.Plan(Cluster(), new PoolChange("default", [Prefix.Parse("10.1.0.0/28")], [s_old]));
        Assert.Empty(plan.Problems);
        Assert.Equal("2 nodes need another IPv4 /28 for new pods, and 1 are free", Assert.Single(plan.Warnings));
    }

    [Fact]
    public void In_mode_cluster_pool_what_is_drained_is_written_down_until_it_is_added_again()
    {
        var cluster = Cluster() with { Mode = "cluster-pool" };
        var drained = PoolPlanner.Plan(cluster, new PoolChange("default", [s_new], [s_old]));
        Assert.Equal([s_old], drained.Drained);
        var later = cluster with { Pools = [drained.After!], DrainedCidrs = drained.Drained };
        Assert.Equal(2, PoolPlanner.Plan(later, new PoolChange("default", [], [])).Draining.Count);
        var back = PoolPlanner.Plan(later, new PoolChange("default", [s_old], []));
        Assert.Empty(back.Problems);
        Assert.Empty(back.Drained);
        Assert.Empty(back.Draining);
        Assert.Equal([s_new, s_old], back.After!.IPv4!.Cidrs);
    }

    [Theory]
    [InlineData("10.0.0.0/25", "10.0.0.0/24")]
    [InlineData("10.0.0.0/25,10.1.0.0/24", "10.0.0.0/24")]
    [InlineData("10.0.0.0/16", "10.0.0.0/24")]
    public void In_mode_cluster_pool_nothing_may_be_added_that_overlaps_what_is_drained(string add, string drain)
    {
        // At once, and when the other was drained before.
        var cluster = Alone();
        Assert.Contains("overlaps 10.0.0.0/24, which is drained", string.Join('\n', PoolPlanner.Plan(cluster, new PoolChange("default", Prefixes(add), Prefixes(drain))).Problems), StringComparison.Ordinal);
        var drained = PoolPlanner.Plan(cluster, new PoolChange("default", [s_new], Prefixes(drain)));
        Assert.Empty(drained.Problems);
        var later = cluster with { Pools = [drained.After!], DrainedCidrs = drained.Drained };
        var rest = Prefixes(add).FindAll(cidr => cidr != s_new);
        Assert.Contains("overlaps 10.0.0.0/24, which is drained", string.Join('\n', PoolPlanner.Plan(later, new PoolChange("default", rest, [])).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void In_mode_multi_pool_a_part_of_what_is_drained_may_serve_on() =>
        Assert.Empty(PoolPlanner.Plan(Cluster(), new PoolChange("default", [Prefix.Parse("10.0.0.0/25")], [s_old])).Problems);

    [Property(MaxTest = 300)]
    public void An_accepted_plan_makes_a_pool_that_works_and_taking_it_back_restores_it(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var candidates = Enumerable.Range(0, 8).Select(i => new Prefix(IpAddr.Parse("10.0.0.0").Add((uint)i << 8), 24)).ToList();
        var before = new PoolDefinition("p", new PoolFamily(candidates.Where(_ => random.Next(2) == 0).DefaultIfEmpty(candidates[0]).ToEquatableArray(), 28), null);
        var cuts = new CidrPool(before.IPv4!.Cidrs, 28);
        var nodes = Enumerable.Range(0, random.Next(5)).Select(i => new NodeAddressing($"n{i}") { Held = [new PoolCidrs("p", Enumerable.Range(0, random.Next(3)).Select(_ => cuts.Allocate().Cidr).ToEquatableArray())] }).ToList();
        var cluster = new ClusterAddresses { Mode = "multi-pool", Nodes = nodes, Pools = [before] };
        var change = new PoolChange("p", candidates.FindAll(_ => random.Next(3) == 0), candidates.FindAll(_ => random.Next(3) == 0));
        var plan = PoolPlanner.Plan(cluster, change);
        if (plan.Problems.Count > 0)
        {
            return;
        }

        var after = new CidrPool(plan.After!.IPv4!.Cidrs, 28);
        var held = nodes.SelectMany(node => node.Held.SelectMany(pool => pool.Cidrs)).ToList();
        Assert.Equal(held.Where(cidr => !after.IsInRange(cidr)).Order(), plan.Draining.Select(holding => holding.Cidr).Order());
        Assert.Equal(held.Where(plan.After.IsDrained).Order(), plan.Draining.Select(holding => holding.Cidr).Order());
        var undone = PoolPlanner.Plan(cluster with { Pools = [plan.After] }, new PoolChange("p", change.Drain, change.Add));
        Assert.Empty(undone.Problems);
        Assert.Empty(undone.Draining);
        Assert.Equal(before.IPv4.Cidrs.Order(), undone.After!.IPv4!.Cidrs.Order());
    }

    private static List<Prefix> Prefixes(string text) => [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Prefix.Parse)];

    /// <summary>A cluster of the one pool that mode cluster-pool has, with nodes that hold nothing.</summary>
    private static ClusterAddresses Alone() => new()
    {
        Mode = "cluster-pool",
        Nodes = [new NodeAddressing("a")],
        Pools = [new PoolDefinition("default", new PoolFamily([s_old], 28), null)],
    };

    private static ClusterAddresses Cluster() => new()
    {
        Mode = "multi-pool",
        Nodes =
        [
            new NodeAddressing("a") { Held = [new PoolCidrs("default", [Prefix.Parse("10.0.0.0/28")]), new PoolCidrs("gone", [Prefix.Parse("10.6.0.0/27")])] },
            AddressCheckTests.Node("b", "10.0.0.16/28"),
        ],
        Pods = [AddressCheckTests.Pod("x", "a", "10.0.0.1")],
        Pools =
        [
            new PoolDefinition("default", new PoolFamily([s_old], 28), null),
            new PoolDefinition("other", new PoolFamily([Prefix.Parse("10.5.0.0/24")], 28), null),
        ],
    };
}
