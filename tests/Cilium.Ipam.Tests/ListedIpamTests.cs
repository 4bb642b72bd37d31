using Cilium.Core;

namespace Cilium.Ipam.Tests;

public sealed class ListedIpamTests
{
    private readonly ManualClock _clock = new();
    private readonly ListedIpam _ipam;

    public ListedIpamTests() => _ipam = new ListedIpam(true, true, _clock);

    [Fact]
    public void Addresses_of_the_list_are_given_and_no_others()
    {
        Assert.False(_ipam.IsReady);
        Set("10.0.0.1 10.0.0.7 fd00::1");
        Assert.True(_ipam.IsReady);
        var both = _ipam.Allocate("ns/a");
        Assert.Equal("fd00::1", both.IPv6!.Value.Address.ToString());
        Assert.Equal(AllocationStatus.Exhausted, _ipam.Allocate("ns/b").Status);
        Assert.Equal("IPv6: all 1 addresses in the list are in use", _ipam.Allocate("ns/b").Message);
        Assert.Equal(1, _ipam.Snapshot().Count(lease => lease.Address.IsIPv4));
        Assert.Equal(AllocationStatus.OutOfRange, _ipam.Allocate(IpAddr.Parse("10.0.0.2"), "ns/c").Status);
    }

    [Fact]
    public void A_marked_address_is_released_when_it_is_free_and_never_given_from_then_on()
    {
        Set("10.0.0.1 10.0.0.2 fd00::1 fd00::2");
        var used = _ipam.Allocate(new AddressRequest("ns/a") { WantsIPv6 = false }).IPv4!.Value.Address;
        var free = used == IpAddr.Parse("10.0.0.1") ? IpAddr.Parse("10.0.0.2") : IpAddr.Parse("10.0.0.1");

        var answers = Set("10.0.0.1 10.0.0.2 fd00::1 fd00::2", (used, ReleaseStates.Marked), (free, ReleaseStates.Marked));
        Assert.Equal(ReleaseStates.Refused, answers[used]);
        Assert.Equal(ReleaseStates.Ready, answers[free]);
        Assert.Equal(AllocationStatus.Exhausted, _ipam.Allocate(new AddressRequest("ns/b") { WantsIPv6 = false }).Status);

        Assert.Empty(Set("10.0.0.1 10.0.0.2 fd00::1 fd00::2", (free, ReleaseStates.Ready)));
        Assert.Equal(AllocationStatus.Exhausted, _ipam.Allocate(new AddressRequest("ns/b") { WantsIPv6 = false }).Status);
        Assert.Null(Set($"{used} fd00::1 fd00::2", (free, ReleaseStates.Released))[free]);
        Assert.Empty(Set("10.0.0.1 10.0.0.2 fd00::1 fd00::2"));
        Assert.Equal(free, _ipam.Allocate(new AddressRequest("ns/b") { WantsIPv6 = false }).IPv4!.Value.Address);
    }

    [Fact]
    public void An_address_that_leaves_the_list_stays_its_owners_until_it_is_freed()
    {
        Set("10.0.0.1 fd00::1");
        Assert.True(_ipam.Allocate("ns/a").IsOk);
        Set("10.0.0.2 fd00::2");
        Assert.Equal("ns/a", _ipam.Snapshot()[0].Owner);
        Assert.True(_ipam.Release(IpAddr.Parse("10.0.0.1"), "ns/a"));
        Assert.Equal(AllocationStatus.OutOfRange, _ipam.Allocate(IpAddr.Parse("10.0.0.1"), "ns/b").Status);
    }

    /// <summary>Who is told before the change looks too early, and is not told again.</summary>
    [Fact]
    public void A_change_is_told_when_it_has_happened()
    {
        Set("10.0.0.1 10.0.0.2 fd00::1 fd00::2");
        // An address that expires makes everything that looks at addresses look at the clock.
        var held = _ipam.Allocate("ns/a", expires: true).IPv4!.Value.Address;
        var other = held == IpAddr.Parse("10.0.0.1") ? IpAddr.Parse("10.0.0.2") : IpAddr.Parse("10.0.0.1");
        foreach (var change in new Action[]
        {
            () => Assert.True(_ipam.Allocate(other, "ns/b").IsOk),
            () => Assert.True(_ipam.Release(other, "ns/b")),
            () => Assert.True(_ipam.Allocate(new AddressRequest("ns/b") { WantsIPv6 = false }).IsOk),
            () => Assert.True(_ipam.Release(other)),
        })
        {
            var told = _ipam.WhenUsageChanges;
            var (looks, early) = (0, 0);
            _clock.WhenRead = () =>
            {
                looks++;
                early += told.IsCompleted ? 1 : 0;
            };
            change();
            _clock.WhenRead = null;
            Assert.True(told.IsCompleted);
            Assert.Equal((true, 0), (looks > 0, early));
        }
    }

    private IReadOnlyDictionary<IpAddr, string?> Set(string addresses, params (IpAddr Address, string State)[] releases) =>
        _ipam.SetAddresses([.. addresses.Split(' ').Select(text => IpAddr.Parse(text))], releases.ToDictionary(pair => pair.Address, pair => pair.State));
}
