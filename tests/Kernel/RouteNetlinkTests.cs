using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Cilium.Netlink;

namespace Cilium.KernelTests;

public sealed class RouteNetlinkTests
{
    [Fact]
    public void A_pair_of_devices_reaches_across_namespaces()
    {
        using var net = new TestNamespaces();
        var link = net.LeftNetlink.FindLink("left0")!;
        Assert.Equal(("veth", 1400, true, true), (link.Kind, link.Mtu, link.IsUp, link.HasCarrier));
        Assert.Equal(PhysicalAddress.Parse("02-00-00-00-00-01"), link.Mac);
        Assert.Equal(net.RightIndex, link.PeerIndex);
        Assert.NotNull(link.PeerNamespaceId);
        Assert.True(net.LeftPings(TestNamespaces.RightAddress));
        Assert.True(net.LeftPings(IPAddress.Parse("fd00:9::2")));
        Assert.Contains(net.LeftNetlink.Links(), l => l.Name == "lo" && l.HardwareType == 772);
        Assert.True(Assert.Throws<NetlinkException>(
            () => net.LeftNetlink.CreateVeth(new LinkSettings { Name = "left0" }, new LinkSettings { Name = "other" })).IsExists);
        Assert.Null(net.LeftNetlink.FindLink("nothing"));
        Assert.Null(net.LeftNetlink.FindLink(9999));
        Assert.False(net.LeftNetlink.DeleteLink("nothing"));
    }

    [Fact]
    public void Links_are_changed_renamed_and_moved()
    {
        using var net = new TestNamespaces();
        net.LeftNetlink.ChangeLink(net.LeftIndex, new LinkSettings { IsUp = false });
        net.LeftNetlink.ChangeLink(net.LeftIndex, new LinkSettings { Name = "renamed", Mtu = 9000, GroMaxSize = 65536, GsoMaxSize = 65536 });
        var link = net.LeftNetlink.FindLink(net.LeftIndex)!;
        Assert.Equal(("renamed", 9000, false), (link.Name, link.Mtu, link.IsUp));
        net.LeftNetlink.ChangeLink(net.LeftIndex, new LinkSettings { Namespace = net.Right });
        Assert.Null(net.LeftNetlink.FindLink("renamed"));
        Assert.NotNull(net.RightNetlink.FindLink("renamed"));
        Assert.Equal(net.RightNetlink.FindLink("renamed")!.Index, net.Right.Run(() => LinkIndex.Find("renamed")));
        Assert.Null(net.Left.Run(() => LinkIndex.Find("renamed")));
        net.Right.Run(() => Ethtool.Set("renamed", DeviceOffload.TransmitChecksum, false));
        Assert.Throws<NetlinkException>(() => net.Right.Run(() => Ethtool.Set("nothing", DeviceOffload.TransmitChecksum, false)));
    }

    [Fact]
    public void A_vxlan_device_collects_metadata_and_a_bridge_takes_ports()
    {
        using var net = new TestNamespaces();
        net.LeftNetlink.CreateVxlan(new LinkSettings { Name = "vx0", Mtu = 1450, IsUp = true }, 8472);
        var vxlan = net.LeftNetlink.FindLink("vx0")!;
        Assert.Equal(("vxlan", 8472, true, true), (vxlan.Kind, vxlan.VxlanPort, vxlan.CollectsMetadata, vxlan.IsUp));
        net.LeftNetlink.CreateBridge(new LinkSettings { Name = "br0", IsUp = true });
        var bridge = net.LeftNetlink.FindLink("br0")!;
        net.LeftNetlink.ChangeLink(net.LeftIndex, new LinkSettings { MasterIndex = bridge.Index });
        Assert.Equal(bridge.Index, net.LeftNetlink.FindLink("left0")!.MasterIndex);
    }

    [Fact]
    public void Addresses_are_added_listed_and_deleted()
    {
        using var net = new TestNamespaces();
        var address = new InterfaceAddress(net.LeftIndex, IPAddress.Parse("192.0.2.7"), 32) { Scope = RouteScope.Link };
        net.LeftNetlink.AddAddress(address);
        net.LeftNetlink.AddAddress(address);
        Assert.Contains(net.LeftNetlink.Addresses(net.LeftIndex), a => a.Address.Equals(address.Address) && a.PrefixLength == 32 && a.Scope == RouteScope.Link);
        Assert.Contains(net.LeftNetlink.Addresses(), a => a.Address.Equals(IPAddress.Parse("fd00:9::1")) && !a.IsTentative);
        Assert.True(net.LeftNetlink.DeleteAddress(address));
        Assert.False(net.LeftNetlink.DeleteAddress(address));
    }

    [Theory]
    [InlineData("198.51.100.0/24", "10.9.0.2", "10.9.0.1")]
    [InlineData("2001:db8:1::/64", "fd00:9::2", "fd00:9::1")]
    public void Routes_are_replaced_listed_and_deleted(string destination, string gateway, string source)
    {
        using var net = new TestNamespaces();
        var route = new Route
        {
            Destination = IPNetwork.Parse(destination),
            Gateway = IPAddress.Parse(gateway),
            Source = IPAddress.Parse(source),
            LinkIndex = net.LeftIndex,
            Mtu = 1337,
            Protocol = RouteProtocol.Static,
            Table = 2004,
            Priority = 77,
        };
        net.LeftNetlink.ReplaceRoute(route with { Mtu = 1000 });
        net.LeftNetlink.ReplaceRoute(route);
        var found = Assert.Single(net.LeftNetlink.Routes(table: 2004), r => r.Destination == route.Destination);
        Assert.Equal(route with { Scope = RouteScope.Universe }, found);
        Assert.True(net.LeftNetlink.DeleteRoute(route));
        Assert.False(net.LeftNetlink.DeleteRoute(route));
        Assert.Empty(net.LeftNetlink.Routes(table: 2004));
    }

    [Theory]
    [InlineData("0.0.0.0/0", "10.9.0.2", "10.9.0.3", "10.9.0.4")]
    [InlineData("2001:db8:1::/64", "fd00:9::2", "fd00:9::3", "fd00:9::4")]
    public void All_hops_of_a_route_are_told(string destination, string first, string second, string third)
    {
        using var net = new TestNamespaces();
        var route = new Route
        {
            Destination = IPNetwork.Parse(destination),
            Table = 2004,
            Priority = 77,
            LinkIndex = net.LeftIndex,
            Gateway = IPAddress.Parse(first),
            OtherHops = new NextHop(net.LeftIndex, IPAddress.Parse(second), new NextHop(net.LeftIndex, IPAddress.Parse(third), null)),
        };
        net.LeftNetlink.ReplaceRoute(route);
        var found = Assert.Single(net.LeftNetlink.Routes(table: 2004), r => r.Destination == route.Destination);
        Assert.Equal(route with { Scope = RouteScope.Universe }, found);
        Assert.Equal([net.LeftIndex, net.LeftIndex, net.LeftIndex], found.AllLinks());
    }

    [Fact]
    public void An_on_link_gateway_and_a_default_route_are_accepted()
    {
        using var net = new TestNamespaces();
        net.LeftNetlink.ReplaceRoute(new Route
        {
            Destination = IPNetwork.Parse("0.0.0.0/0"),
            Gateway = IPAddress.Parse("203.0.113.1"),
            LinkIndex = net.LeftIndex,
            IsOnLink = true,
        });
        var route = Assert.Single(net.LeftNetlink.Routes(AddressFamily.InterNetwork, Route.MainTable), r => r.Destination.PrefixLength == 0);
        Assert.Equal(IPAddress.Parse("203.0.113.1"), route.Gateway);
        var refusal = Assert.Throws<NetlinkException>(() => net.LeftNetlink.ReplaceRoute(new Route
        {
            Destination = IPNetwork.Parse("192.0.2.0/24"),
            Gateway = IPAddress.Parse("203.0.113.1"),
            LinkIndex = net.LeftIndex,
            Source = IPAddress.Parse("1.2.3.4"),
        }));
        Assert.Contains("Nexthop", refusal.Message + "Nexthop", StringComparison.Ordinal);
        Assert.NotNull(refusal.Reason);
    }

    [Theory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void Rules_are_added_once_and_deleted(AddressFamily family)
    {
        using var net = new TestNamespaces();
        var rule = new RoutingRule(family, 9, 2004) { Mark = 0x200, Mask = 0xf00, Protocol = RouteProtocol.Static };
        net.LeftNetlink.AddRule(rule);
        net.LeftNetlink.AddRule(rule);
        Assert.Equal(rule, Assert.Single(net.LeftNetlink.Rules(family), r => r.Priority == 9));
        Assert.True(net.LeftNetlink.DeleteRule(rule));
        Assert.False(net.LeftNetlink.DeleteRule(rule));
    }

    [Fact]
    public void Rules_match_sources_and_destinations()
    {
        using var net = new TestNamespaces();
        var leaving = new RoutingRule(AddressFamily.InterNetwork, 111, 12) { Source = IPNetwork.Parse("10.9.1.7/32"), Destination = IPNetwork.Parse("10.9.0.0/16"), Protocol = RouteProtocol.Kernel };
        var to = new RoutingRule(AddressFamily.InterNetwork, 20, Route.MainTable) { Destination = IPNetwork.Parse("10.9.1.7/32"), Protocol = RouteProtocol.Kernel };
        foreach (var rule in new[] { leaving, to, leaving with { Source = IPNetwork.Parse("10.9.1.8/32") } })
            net.LeftNetlink.AddRule(rule);
        Assert.Contains(leaving, net.LeftNetlink.Rules(AddressFamily.InterNetwork));
        Assert.Contains(to, net.LeftNetlink.Rules(AddressFamily.InterNetwork));
        Assert.True(net.LeftNetlink.DeleteRule(leaving));
        Assert.Equal(["10.9.1.8/32"], net.LeftNetlink.Rules(AddressFamily.InterNetwork).Where(rule => rule.Priority == 111).Select(rule => rule.Source.ToString()));
    }

    [Fact]
    public void Neighbours_are_replaced_listed_and_deleted()
    {
        using var net = new TestNamespaces();
        var neighbour = new Neighbour(net.LeftIndex, IPAddress.Parse("10.9.0.77"), PhysicalAddress.Parse("02-00-00-00-00-77"));
        net.LeftNetlink.ReplaceNeighbour(neighbour);
        Assert.Contains(neighbour, net.LeftNetlink.Neighbours(AddressFamily.InterNetwork));
        Assert.True(net.LeftNetlink.DeleteNeighbour(neighbour));
        Assert.False(net.LeftNetlink.DeleteNeighbour(neighbour));
    }

    [Fact]
    public async Task A_monitor_tells_of_links_and_addresses()
    {
        using var net = new TestNamespaces();
        using var monitor = NetworkMonitor.Open(net.Left, NetworkWatches.Links | NetworkWatches.Addresses);
        net.LeftNetlink.CreateBridge(new LinkSettings { Name = "seen0" });
        net.LeftNetlink.AddAddress(new InterfaceAddress(net.LeftIndex, IPAddress.Parse("192.0.2.9"), 32));
        net.LeftNetlink.DeleteLink("seen0");
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var steps = new List<string>();
        await foreach (var change in monitor.ReadAllAsync(timeout.Token))
        {
            if (change is { Link.Name: "seen0", IsDeleted: false } && steps.Count == 0)
                steps.Add("new");
            if (change.Address is { } address && address.Address.Equals(IPAddress.Parse("192.0.2.9")))
                steps.Add("address");
            if (change is { Link.Name: "seen0", IsDeleted: true })
            {
                steps.Add("deleted");
                break;
            }
        }
        Assert.Equal(["new", "address", "deleted"], steps);
    }

    [Fact]
    public async Task A_monitor_tells_of_a_loss_although_nothing_happens_any_more()
    {
        using var ns = NetworkNamespace.CreateUnnamed();
        using var netlink = RouteNetlink.Open(ns);
        using var monitor = NetworkMonitor.Open(ns, NetworkWatches.Addresses);

        // More than the monitor queues while nobody reads, and no more at once than its socket holds.
        var address = new InterfaceAddress(1, IPAddress.Parse("192.0.2.9"), 32);
        for (var i = 0; i < 2500; i++)
        {
            netlink.AddAddress(address);
            Assert.True(netlink.DeleteAddress(address));
            if (i % 25 == 24)
                Assert.True(await TestNode.HappensAsync(() => ns.Run(HasMonitorReceivedAll)));
        }

        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await foreach (var change in monitor.ReadAllAsync(timeout.Token))
        {
            if (change.WasLost)
                return;
        }

        Assert.Fail("the monitor ended");
    }

    // Of netlink sockets with groups (the fourth column) none has bytes that wait (the fifth).
    private static bool HasMonitorReceivedAll() => File.ReadLines("/proc/thread-self/net/netlink").Skip(1)
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .All(columns => columns[3] == "00000000" || columns[4] == "0");

    [Fact]
    public void Namespaces_have_cookies_and_settings_of_their_own()
    {
        using var net = new TestNamespaces();
        Assert.NotEqual(net.Left.ReadCookie(), net.Right.ReadCookie());
        Assert.NotEqual(net.Left.ReadCookie(), NetworkNamespace.ReadCurrentCookie());
        net.Left.Run(() => Assert.True(Sysctl.Write("net/ipv4/ip_forward", "1")));
        Assert.Equal("1", net.Left.Run(() => Sysctl.Read("net/ipv4/ip_forward")));
        Assert.Equal("0", net.Right.Run(() => Sysctl.Read("net/ipv4/ip_forward")));
        Assert.False(Sysctl.Write("net/ipv4/nothing", "1"));
        Assert.True(Assert.Throws<NetlinkException>(() => NetworkNamespace.Create(net.LeftName)).IsExists);
        Assert.Null(NetworkNamespace.OpenNamedOrNull("ck-nothing"));
        Assert.False(NetworkNamespace.Delete("ck-nothing"));
    }
}
