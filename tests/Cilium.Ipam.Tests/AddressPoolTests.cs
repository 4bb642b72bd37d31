using Cilium.Core;

namespace Cilium.Ipam.Tests;

public sealed class AddressPoolTests
{
    private static readonly Prefix s_range = Prefix.Parse("10.0.0.0/29");
    private readonly ManualClock _clock = new();

    [Fact]
    public void First_and_last_address_are_never_given_and_exhaustion_is_said()
    {
        var pool = Pool(s_range);
        var given = Enumerable.Range(0, 6).Select(i => pool.Allocate($"ns/pod{i}").Lease!.Value.Address).ToArray();
        Assert.Equal(Enumerable.Range(1, 6).Select(i => s_range.Address.Add((UInt128)i)), given.Order());
        var refused = pool.Allocate("ns/one-too-many");
        Assert.Equal(AllocationStatus.Exhausted, refused.Status);
        Assert.Equal("range is full: 10.0.0.0/29 (6/6 in use)", refused.Message);
        Assert.True(pool.Release(given[2]));
        Assert.Equal(given[2], pool.Allocate("ns/again").Lease!.Value.Address);
    }

    [Theory]
    [InlineData("10.0.0.0/31")]
    [InlineData("10.0.0.0/32")]
    [InlineData("fd00::/127")]
    [InlineData("fd00::/128")]
    public void Ranges_of_two_addresses_or_one_have_none_to_give(string range)
    {
        var pool = Pool(Prefix.Parse(range));
        Assert.Equal(AllocationStatus.Exhausted, pool.Allocate("a").Status);
        Assert.Equal(UInt128.Zero, pool.Usage.Capacity);
    }

    [Theory]
    [InlineData("10.0.0.0/8")]
    [InlineData("fd00::/64")]
    [InlineData("fd00::/104")]
    [InlineData("::/0")]
    [InlineData("0.0.0.0/0")]
    public void Huge_ranges_give_addresses_at_once(string range)
    {
        var prefix = Prefix.Parse(range);
        var pool = Pool(prefix);
        var given = Enumerable.Range(0, 1000).Select(i => pool.Allocate($"a/{i}").Lease!.Value.Address).ToHashSet();
        Assert.Equal(1000, given.Count);
        Assert.All(given, address => Assert.True(prefix.Contains(address)));
    }

    [Fact]
    public void Addresses_are_not_given_in_sequence()
    {
        var pool = Pool(Prefix.Parse("10.0.0.0/16"));
        var given = Enumerable.Range(0, 20).Select(i => pool.Allocate($"a/{i}").Lease!.Value.Address).ToArray();
        Assert.NotEqual(given.Order(), given);
    }

    [Fact]
    public void A_wanted_address_is_given_once_and_again_only_to_its_owner()
    {
        var pool = Pool(s_range);
        var address = IpAddr.Parse("10.0.0.3");
        Assert.True(pool.Allocate(address, "ns/a").IsOk);
        Assert.True(pool.Allocate(address, "ns/a").IsOk);
        var refused = pool.Allocate(address, "ns/b");
        Assert.Equal((AllocationStatus.InUse, "address 10.0.0.3 is in use by ns/a"), (refused.Status, refused.Message));
        Assert.Equal(AllocationStatus.OutOfRange, pool.Allocate(IpAddr.Parse("10.0.0.0"), "ns/b").Status);
        Assert.Equal(AllocationStatus.OutOfRange, pool.Allocate(IpAddr.Parse("10.0.0.8"), "ns/b").Status);
        Assert.False(pool.Release(address, "ns/b"));
        Assert.True(pool.Release(address, "ns/a"));
        Assert.False(pool.Release(address));
    }

    [Fact]
    public void Without_a_commit_the_address_is_free_after_ten_minutes()
    {
        var pool = Pool(s_range);
        var kept = pool.Allocate("ns/kept", expires: true).Lease!.Value;
        var lost = pool.Allocate("ns/lost", expires: true).Lease!.Value;
        _clock.Advance(TimeSpan.FromMinutes(9));
        Assert.True(pool.Commit(kept.Address, kept.ExpirationId!.Value));
        Assert.False(pool.Commit(kept.Address, kept.ExpirationId!.Value));
        Assert.False(pool.Commit(lost.Address, Guid.NewGuid()));
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal([kept.Address], pool.Snapshot().Select(lease => lease.Address));
        Assert.False(pool.Commit(lost.Address, lost.ExpirationId!.Value));
    }

    [Fact]
    public void The_expiry_of_an_earlier_lease_does_not_free_a_later_one()
    {
        var pool = Pool(s_range);
        var first = pool.Allocate("ns/a", expires: true).Lease!.Value;
        pool.Release(first.Address);
        _clock.Advance(TimeSpan.FromMinutes(5));
        Assert.True(pool.Allocate(first.Address, "ns/b", expires: true).IsOk);
        _clock.Advance(TimeSpan.FromMinutes(5));
        Assert.True(pool.TryGet(first.Address, out var lease));
        Assert.Equal("ns/b", lease.Value.Owner);
        _clock.Advance(TimeSpan.FromMinutes(5));
        Assert.False(pool.TryGet(first.Address, out _));
    }

    [Fact]
    public void A_retired_range_gives_nothing_and_goes_with_its_last_address()
    {
        var pool = Pool(s_range);
        var old = pool.Allocate("ns/a").Lease!.Value;
        pool.SetRanges([Prefix.Parse("10.0.1.0/29")]);
        Assert.Throws<ArgumentException>(() => pool.SetRanges([Prefix.Parse("10.0.0.0/24")]));
        Assert.All(Enumerable.Range(0, 6), i => Assert.Equal(Prefix.Parse("10.0.1.0/29"), pool.Allocate($"b/{i}").Lease!.Value.Range));
        Assert.Equal(AllocationStatus.Exhausted, pool.Allocate("c").Status);
        Assert.True(pool.TryGet(old.Address, out _));
        Assert.True(pool.Release(old.Address));
        pool.SetRanges([Prefix.Parse("10.0.1.0/29"), s_range]);
        Assert.True(pool.Allocate(old.Address, "d").IsOk);
    }

    [Fact]
    public void Without_a_range_the_answer_says_so()
    {
        var pool = Pool();
        Assert.Equal((AllocationStatus.NoRange, "no range to allocate from"), (pool.Allocate("a").Status, pool.Allocate("a").Message));
    }

    private AddressPool Pool(params Prefix[] ranges)
    {
        var pool = new AddressPool(new AddressPoolOptions(), _clock, new Random(1));
        pool.SetRanges(ranges);
        return pool;
    }
}
