using Cilium.Core;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Ipam.Tests;

/// <summary>Every size of range, from one address to the whole of IPv6.</summary>
public sealed class RangeSizeTests
{
    [Theory]
    [InlineData("10.0.0.0/32", 0)]
    [InlineData("10.0.0.0/31", 0)]
    [InlineData("10.0.0.0/30", 2)]
    [InlineData("10.0.0.0/27", 30)]
    [InlineData("10.0.0.0/20", 4094)]
    [InlineData("fd00::/128", 0)]
    [InlineData("fd00::/127", 0)]
    [InlineData("fd00::/126", 2)]
    [InlineData("fd00::/120", 254)]
    public void A_range_gives_all_but_first_and_last(string range, int expected) => Assert.Equal(expected, Drain(range, new AddressPoolOptions()).Count);

    [Theory]
    [InlineData("10.0.0.0/32", 1)]
    [InlineData("10.0.0.0/31", 2)]
    [InlineData("fd00::/128", 1)]
    [InlineData("fd00::/127", 2)]
    [InlineData("10.0.0.0/30", 2)]
    public void Tiny_ranges_can_be_used_whole(string range, int expected) =>
        Assert.Equal(expected, Drain(range, new AddressPoolOptions { UsesTinyRangesWhole = true }).Count);

    [Theory]
    [InlineData("10.0.0.0/26", 64)]
    [InlineData("10.0.0.0/25", 128)]
    [InlineData("10.0.0.0/19", 8192)]
    public void All_addresses_are_given_when_none_is_reserved(string range, int expected)
    {
        foreach (var choice in Enum.GetValues<AddressChoice>())
        {
            var given = Drain(range, new AddressPoolOptions { ReserveFirstAndLast = false, Choice = choice });
            Assert.Equal(expected, given.Distinct().Count());
            Assert.All(given, address => Assert.True(Prefix.Parse(range).Contains(address)));
        }
    }

    [Theory]
    [InlineData("fd00::/64")]
    [InlineData("fd00::/8")]
    [InlineData("2000::/3")]
    [InlineData("::/0")]
    [InlineData("10.0.0.0/8")]
    public void Huge_ranges_cost_what_is_in_use(string range)
    {
        foreach (var choice in Enum.GetValues<AddressChoice>())
        {
            var pool = NewPool(new AddressPoolOptions { Choice = choice, Pool = "huge" }, range);
            var given = Enumerable.Range(0, 1000).Select(i => pool.Allocate($"ns/{i}").Address).ToList();
            Assert.Equal(1000, given.Distinct().Count());
            Assert.All(given, address => Assert.True(Prefix.Parse(range).Contains(address)));
            Assert.Equal(given.Order(), pool.Snapshot().Select(lease => lease.Address));
            Assert.All(given, address => Assert.True(pool.Release(address)));
            Assert.Equal(0, pool.Usage.Used);
        }
    }

    [Fact]
    public void The_lowest_free_address_is_given_when_asked_for()
    {
        var pool = NewPool(new AddressPoolOptions { Choice = AddressChoice.Lowest }, "fd00::/64");
        Assert.Equal(["fd00::1", "fd00::2", "fd00::3"], Enumerable.Range(0, 3).Select(i => pool.Allocate($"ns/{i}").Address.ToString()));
        Assert.True(pool.Release(IpAddr.Parse("fd00::2")));
        Assert.Equal("fd00::2", pool.Allocate("ns/again").Address.ToString());
    }

    [Fact]
    public void The_next_address_is_given_when_asked_for()
    {
        var pool = NewPool(new AddressPoolOptions { Choice = AddressChoice.Next }, "10.0.0.0/29");
        Assert.Equal("10.0.0.1", pool.Allocate("a").Address.ToString());
        Assert.True(pool.Release(IpAddr.Parse("10.0.0.1")));
        Assert.Equal("10.0.0.2", pool.Allocate("b").Address.ToString());
    }

    [Fact]
    public void Excluded_addresses_are_never_given_and_not_counted()
    {
        var options = new AddressPoolOptions { Excluded = [Prefix.Parse("10.0.0.4/30"), Prefix.Parse("10.0.0.0/29"), Prefix.Parse("10.0.0.12/32"), Prefix.Parse("fd00::/64")] };
        var pool = NewPool(options, "10.0.0.0/28");
        Assert.Equal((UInt128)6, pool.Usage.Capacity);
        Assert.Equal(["10.0.0.8", "10.0.0.9", "10.0.0.10", "10.0.0.11", "10.0.0.13", "10.0.0.14"], Drain(pool).Order().Select(address => address.ToString()));
        Assert.Equal(AllocationStatus.OutOfRange, pool.Allocate(IpAddr.Parse("10.0.0.12"), "x").Status);
        Assert.Equal((UInt128)0, NewPool(options with { Excluded = [Prefix.Parse("10.0.0.0/8")] }, "10.0.0.0/28").Usage.Capacity);
    }

    /// <summary>The tree of words against a plain set, where words fill up and empty again.</summary>
    [Property(MaxTest = 200)]
    public void The_lowest_free_address_is_always_found(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var bits = random.Next(0, 15);
        var range = new Prefix(IpAddr.Parse("10.64.0.0"), 32 - bits);
        var pool = NewPool(new AddressPoolOptions { ReserveFirstAndLast = false, Choice = AddressChoice.Lowest }, range.ToString());
        var taken = new SortedSet<uint>();
        var size = 1u << bits;
        for (var step = 0; step < 400; step++)
        {
            if (random.Next(5) < 3)
            {
                var expected = Enumerable.Range(0, (int)size).Select(i => (uint)i).FirstOrDefault(i => !taken.Contains(i), size);
                var result = pool.Allocate("x");
                Assert.Equal(expected < size, result.IsOk);
                if (result.IsOk)
                {
                    Assert.Equal(expected, result.Address.IPv4Value - range.Address.IPv4Value);
                    taken.Add(expected);
                }
            }
            else
            {
                var offset = (uint)random.Next((int)Math.Min(size, 200));
                Assert.Equal(taken.Remove(offset), pool.Release(range.Address.Add(offset)));
            }
        }
    }

    private static AddressPool NewPool(AddressPoolOptions options, params IReadOnlyList<string> ranges)
    {
        var pool = new AddressPool(options, TimeProvider.System, new Random(7));
        pool.SetRanges([.. ranges.Select(text => Prefix.Parse(text))]);
        return pool;
    }

    private static List<IpAddr> Drain(string range, AddressPoolOptions options) => Drain(NewPool(options, range));

    private static List<IpAddr> Drain(AddressPool pool)
    {
        var given = new List<IpAddr>();
        while (pool.Allocate("ns/pod") is { IsOk: true } result)
        {
            given.Add(result.Address);
        }

        return given;
    }
}
