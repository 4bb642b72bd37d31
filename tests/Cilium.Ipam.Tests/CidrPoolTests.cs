using Cilium.Core;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Ipam.Tests;

public sealed class CidrPoolTests
{
    [Fact]
    public void Nodes_get_the_next_cidr_in_the_order_of_the_list_and_exhaustion_is_said()
    {
        var pool = new CidrPool([Prefix.Parse("10.0.0.0/23"), Prefix.Parse("10.9.0.0/24")], 24);
        Assert.Equal(["10.0.0.0/24", "10.0.1.0/24", "10.9.0.0/24"], Enumerable.Range(0, 3).Select(_ => pool.Allocate().Cidr.ToString()));
        var refused = pool.Allocate();
        Assert.Equal(AllocationStatus.Exhausted, refused.Status);
        Assert.Equal("allocator full: no /24 is free in 10.0.0.0/23 (2/2 in use), 10.9.0.0/24 (1/1 in use)", refused.Message);
    }

    [Fact]
    public void A_released_cidr_is_given_again_only_when_the_search_comes_round()
    {
        var pool = new CidrPool([Prefix.Parse("10.0.0.0/22")], 24);
        var first = pool.Allocate().Cidr;
        Assert.True(pool.Release(first));
        Assert.False(pool.Release(first));
        Assert.Equal(["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24", "10.0.0.0/24"], Enumerable.Range(0, 4).Select(_ => pool.Allocate().Cidr.ToString()));
    }

    [Fact]
    public void What_nodes_hold_is_occupied_first_and_conflicts_are_named()
    {
        var pool = new CidrPool([Prefix.Parse("fd00::/104")], 120);
        Assert.True(pool.Occupy(Prefix.Parse("fd00::/120")).IsOk);
        Assert.Equal(AllocationStatus.InUse, pool.Occupy(Prefix.Parse("fd00::/120")).Status);
        Assert.Contains("fd01::/120", pool.Occupy(Prefix.Parse("fd01::/120")).Message, StringComparison.Ordinal);
        Assert.Equal("fd00::/112 is not of mask size 120", pool.Occupy(Prefix.Parse("fd00::/112")).Message);
        Assert.Equal("fd00::100/120", pool.Allocate().Cidr.ToString());
        Assert.Equal((2, (UInt128)65536), pool.Usage);
    }

    [Theory]
    [InlineData("10.0.0.0/24", 16)]
    [InlineData("10.0.0.0/24", 33)]
    [InlineData("fd00::/104", 129)]
    public void A_mask_size_that_does_not_fit_is_refused(string cidr, int maskSize) =>
        Assert.Contains(cidr, Assert.Throws<ArgumentException>(() => new CidrPool([Prefix.Parse(cidr)], maskSize)).Message, StringComparison.Ordinal);

    [Fact]
    public void Overlapping_cidrs_are_refused() =>
        Assert.Throws<ArgumentException>(() => new CidrPool([Prefix.Parse("10.0.0.0/8"), Prefix.Parse("10.1.0.0/16")], 24));

    [Property]
    public void Never_gives_a_cidr_twice_and_refuses_exactly_when_full(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var parents = new[] { Prefix.Parse("10.0.0.0/27"), Prefix.Parse("10.5.0.0/28") };
        var pool = new CidrPool(parents, 29);
        var held = new HashSet<Prefix>();
        for (var step = 0; step < 80; step++)
        {
            var block = new Prefix(parents[random.Next(2)].Address.Add((UInt128)random.Next(40)), 29);
            var isInRange = parents.Any(parent => parent.Contains(block));
            switch (random.Next(5))
            {
                case 0 or 1:
                    var result = pool.Allocate();
                    Assert.Equal(held.Count < 6, result.IsOk);
                    Assert.True(!result.IsOk || held.Add(result.Cidr));
                    break;
                case 2:
                    Assert.Equal(isInRange && !held.Contains(block), pool.Occupy(block).IsOk);
                    if (isInRange)
                    {
                        held.Add(block);
                    }

                    break;
                case 3:
                    Assert.Equal(held.Remove(block), pool.Release(block));
                    break;
                default:
                    // A restart of the operator.
                    pool = new CidrPool(parents, 29);
                    Assert.All(held, cidr => Assert.True(pool.Occupy(cidr).IsOk));
                    break;
            }

            Assert.Equal((held.Count, (UInt128)6), pool.Usage);
        }
    }

    [Theory]
    [InlineData("10.0.0.0/30", 32, 4)]
    [InlineData("10.0.0.0/31", 31, 1)]
    [InlineData("fd00::/126", 128, 4)]
    [InlineData("10.0.0.0/16", 32, 65536)]
    public void Blocks_of_any_size_are_cut(string cidr, int maskSize, int expected)
    {
        var pool = new CidrPool([Prefix.Parse(cidr)], maskSize);
        var given = Enumerable.Range(0, expected).Select(_ => pool.Allocate().Cidr).ToHashSet();
        Assert.Equal(expected, given.Count);
        Assert.Equal(AllocationStatus.Exhausted, pool.Allocate().Status);
    }

    [Fact]
    public void A_huge_parent_costs_what_is_given()
    {
        var pool = new CidrPool([Prefix.Parse("::/0")], 128);
        Assert.Equal(["::/128", "::1/128"], Enumerable.Range(0, 2).Select(_ => pool.Allocate().Cidr.ToString()));
        Assert.True(pool.Occupy(Prefix.Parse("fd00::7/128")).IsOk);
        Assert.Equal((3, UInt128.MaxValue), pool.Usage);
    }

    [Fact]
    public void A_cidr_that_is_drained_gives_nothing_and_goes_with_its_last_block()
    {
        var pool = new CidrPool([Prefix.Parse("10.0.0.0/24")], 26);
        var held = pool.Allocate().Cidr;
        pool.SetCidrs([Prefix.Parse("10.1.0.0/25")]);
        Assert.Equal(["10.1.0.0/26", "10.1.0.64/26"], Enumerable.Range(0, 2).Select(_ => pool.Allocate().Cidr.ToString()));
        Assert.Equal(AllocationStatus.Exhausted, pool.Allocate().Status);
        Assert.Throws<ArgumentException>(() => pool.SetCidrs([Prefix.Parse("10.0.0.0/16")]));
        Assert.True(pool.Release(held));
        pool.SetCidrs([Prefix.Parse("10.0.0.0/16")]);
        Assert.Equal([Prefix.Parse("10.0.0.0/16")], pool.Cidrs);
    }
}
