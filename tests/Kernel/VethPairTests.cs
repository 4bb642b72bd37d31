using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Cilium.Netlink;

namespace Cilium.KernelTests;

public sealed class VethPairTests
{
    private static readonly IPAddress s_ipv4 = IPAddress.Parse("10.77.0.5");
    private static readonly IPAddress s_ipv6 = IPAddress.Parse("fd00:77::5");

    private static VethPair Pair(params (IPAddress, IPAddress)[] addresses) => new()
    {
        Name = "lxc_test",
        PeerName = "inner",
        Mac = PhysicalAddress.Parse("02-00-00-00-77-01"),
        PeerMac = PhysicalAddress.Parse("02-00-00-00-77-02"),
        DeviceMtu = 1400,
        RouteMtu = 1350,
        Addresses = addresses,
    };

    [Fact]
    public void The_far_end_has_its_addresses_and_a_way_out_and_ends_with_its_namespace()
    {
        using var net = new TestNamespaces();
        var inner = NetworkNamespace.CreateUnnamed();
        var (index, cookie) = net.Left.Run(() => Pair((s_ipv4, IPAddress.Parse("10.77.0.1")), (s_ipv6, IPAddress.Parse("fd00:77::1"))).Create(inner));

        var near = net.LeftNetlink.FindLink("lxc_test")!;
        Assert.Equal((index, 1400, true, PhysicalAddress.Parse("02-00-00-00-77-01")), (near.Index, near.Mtu, near.IsUp, near.Mac));
        Assert.Equal(inner.ReadCookie(), cookie);
        Assert.Equal("0", net.Left.Run(() => Sysctl.Read("net/ipv4/conf/lxc_test/rp_filter")));
        using (var netlink = RouteNetlink.Open(inner))
        {
            var far = netlink.FindLink("inner")!;
            Assert.True(far.IsUp);
            Assert.Contains(netlink.Addresses(far.Index), entry => entry.Address.Equals(s_ipv4) && entry.PrefixLength == 32);
            Assert.Contains(netlink.Addresses(far.Index), entry => entry.Address.Equals(s_ipv6) && entry.PrefixLength == 128 && !entry.IsTentative);
            foreach (var (family, gateway) in new[] { (AddressFamily.InterNetwork, "10.77.0.1"), (AddressFamily.InterNetworkV6, "fd00:77::1") })
            {
                var way = Assert.Single(netlink.Routes(family), route => route.Destination.PrefixLength == 0);
                Assert.Equal((IPAddress.Parse(gateway), 1350), (way.Gateway, way.Mtu));
            }
        }

        inner.Dispose();
        Assert.True(SpinWait.SpinUntil(() => net.LeftNetlink.FindLink("lxc_test") is null, TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void A_device_of_the_name_is_replaced_and_a_family_without_address_is_off()
    {
        using var net = new TestNamespaces();
        using var first = NetworkNamespace.CreateUnnamed();
        using var second = NetworkNamespace.CreateUnnamed();
        var former = net.Left.Run(() => Pair((s_ipv4, IPAddress.Parse("10.77.0.1"))).Create(first));
        var now = net.Left.Run(() => Pair((s_ipv4, IPAddress.Parse("10.77.0.1"))).Create(second));

        Assert.NotEqual(former.Index, now.Index);
        Assert.NotEqual(former.NamespaceCookie, now.NamespaceCookie);
        Assert.Null(first.Run(() => LinkIndex.Find("inner")));
        Assert.Equal("1", net.Left.Run(() => Sysctl.Read("net/ipv6/conf/lxc_test/disable_ipv6")));
        Assert.Equal("1", second.Run(() => Sysctl.Read("net/ipv6/conf/inner/disable_ipv6")));
    }

    [Fact]
    public void Who_makes_a_pair_is_back_in_its_own_namespace_also_when_the_kernel_refuses()
    {
        using var net = new TestNamespaces();
        using var inner = NetworkNamespace.CreateUnnamed();
        var own = net.Left.ReadCookie();
        var (made, refused) = net.Left.Run(() =>
        {
            Pair((s_ipv4, IPAddress.Parse("10.77.0.1"))).Create(inner);
            var after = NetworkNamespace.ReadCurrentCookie();
            // No device has a group's address.
            var other = Pair((IPAddress.Parse("ff02::77"), IPAddress.Parse("fd00:77::1"))) with { Name = "lxc_other", PeerName = "other" };
            Assert.Throws<NetlinkException>(() => other.Create(inner));
            return (after, NetworkNamespace.ReadCurrentCookie());
        });
        Assert.Equal((own, own), (made, refused));
    }
}
