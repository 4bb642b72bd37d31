using Cilium.Core;

namespace Cilium.Ipam.Tests;

public sealed class NodeIpamTests
{
    private readonly ManualClock _clock = new();

    [Fact]
    public void A_pod_gets_one_address_of_each_family()
    {
        var ipam = DualStack("10.0.0.0/24", "fd00::/120");
        var pod = ipam.Allocate(AddressOwners.Pod("default", "web"));
        Assert.True(pod.IPv4!.Value.Address.IsIPv4 && pod.IPv6!.Value.Address.IsIPv6);
        Assert.Equal(["default/web", "default/web"], ipam.Snapshot().Select(lease => lease.Owner));
        Assert.Equal([pod.IPv4.Value.Address, pod.IPv6.Value.Address], ipam.ReleaseAllOf("default/web"));
        Assert.Empty(ipam.Snapshot());
    }

    [Fact]
    public void When_one_family_fails_nothing_is_given()
    {
        var ipam = DualStack("10.0.0.0/24", "fd00::/127");
        var pod = ipam.Allocate("default/web");
        Assert.Equal(AllocationStatus.Exhausted, pod.Status);
        Assert.StartsWith("IPv6: range is full", pod.Message, StringComparison.Ordinal);
        Assert.Empty(ipam.Snapshot());
    }

    [Fact]
    public void Nothing_is_given_before_the_node_has_a_cidr_of_every_family()
    {
        var ipam = DualStack();
        Assert.False(ipam.IsReady);
        Assert.Equal(AllocationStatus.NoRange, ipam.Allocate("default/web").Status);
        ipam.SetPodCidrs([Prefix.Parse("10.0.0.0/24")]);
        Assert.False(ipam.IsReady);
        ipam.SetPodCidrs([Prefix.Parse("10.0.0.0/24"), Prefix.Parse("fd00::/120")]);
        Assert.True(ipam.IsReady);
    }

    [Fact]
    public void Several_pod_cidrs_are_used_one_after_the_other()
    {
        var ipam = new NodeIpam(true, false);
        ipam.SetPodCidrs([Prefix.Parse("10.0.0.0/30"), Prefix.Parse("10.0.1.0/30"), Prefix.Parse("fd00::/120")]);
        var given = Enumerable.Range(0, 4).Select(i => ipam.Allocate($"default/{i}").IPv4!.Value.Range.ToString()).ToArray();
        Assert.Equal(["10.0.0.0/30", "10.0.0.0/30", "10.0.1.0/30", "10.0.1.0/30"], given);
        Assert.Equal(AllocationStatus.Exhausted, ipam.Allocate("default/5").Status);
    }

    [Fact]
    public void A_slash_24_has_254_addresses_and_router_and_health_leave_252_pods()
    {
        var ipam = new NodeIpam(true, false, time: _clock, random: new Random(1));
        ipam.SetPodCidrs([Prefix.Parse("10.0.0.0/24")]);
        Assert.True(ipam.Allocate(IpAddr.Parse("10.0.0.77"), AddressOwners.Router).IsOk);
        Assert.True(ipam.Allocate(AddressOwners.Health).IsOk);
        var pods = 0;
        while (ipam.Allocate($"default/{pods}").IsOk)
        {
            pods++;
        }

        Assert.Equal(252, pods);
    }

    [Fact]
    public void An_uncommitted_pod_expires_in_both_families()
    {
        var ipam = DualStack("10.0.0.0/24", "fd00::/120");
        var pod = ipam.Allocate("default/web", expires: true);
        Assert.True(ipam.Commit(pod.IPv4!.Value.Address, pod.IPv4.Value.ExpirationId!.Value));
        _clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal([pod.IPv4.Value.Address], ipam.Snapshot().Select(lease => lease.Address));
        Assert.Equal(AllocationStatus.NoRange, new NodeIpam(false, true).Allocate(pod.IPv4.Value.Address, "x").Status);
    }

    private NodeIpam DualStack(params string[] cidrs)
    {
        var ipam = new NodeIpam(true, true, time: _clock, random: new Random(1));
        ipam.SetPodCidrs([.. cidrs.Select(Prefix.Parse)]);
        return ipam;
    }
}
