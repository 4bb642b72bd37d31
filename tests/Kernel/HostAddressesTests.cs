using System.Net;
using Cilium.Core;
using Cilium.Datapath.Devices;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;
using Cilium.Datapath.Nodes;
using Cilium.Netlink;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.KernelTests;

public sealed class HostAddressesTests
{
    [Fact]
    public async Task A_map_without_room_is_no_end_of_following()
    {
        using var maps = new TestMaps(("cilium_lxc", 4));
        using var net = new TestNamespaces();
        using var netlink = RouteNetlink.Open(net.Left);
        using var following = new HostAddresses(
            maps.Maps, new LocalNodeRow { Name = "n", IPv4 = IpAddr.Parse("172.16.0.1") }, [], NodeNamespace.Other(net.Left), TimeProvider.System, NullLogger.Instance);
        var present = Addresses(maps);
        foreach (var last in Enumerable.Range(1, 4))
            netlink.AddAddress(Address(net, last));
        Assert.True(await TestNode.HappensAsync(() => Addresses(maps).Count == 4));

        foreach (var last in Enumerable.Range(1, 4))
            netlink.DeleteAddress(Address(net, last));
        netlink.AddAddress(Address(net, 9));
        Assert.True(await TestNode.HappensAsync(() => Addresses(maps).SetEquals([.. present, IpAddr.Parse("172.16.9.9")])));
    }

    [Fact]
    public void What_goes_makes_room_for_what_comes()
    {
        using var maps = new TestMaps(("cilium_lxc", 2));
        HostAddresses.WriteTo(maps.Maps, [IpAddr.Parse("172.16.0.1"), IpAddr.Parse("172.16.0.2")]);
        HostAddresses.WriteTo(maps.Maps, [IpAddr.Parse("172.16.0.3"), IpAddr.Parse("172.16.0.4")]);
        Assert.True(Addresses(maps).SetEquals([IpAddr.Parse("172.16.0.3"), IpAddr.Parse("172.16.0.4")]));
        Assert.Throws<MapFullException>(() => HostAddresses.WriteTo(maps.Maps, Enumerable.Range(1, 3).Select(last => IpAddr.Parse($"172.16.0.{last}"))));
    }

    [Fact]
    public void A_device_has_the_nodes_address_or_keeps_its_own()
    {
        using var maps = new TestMaps();
        var node = new LocalNodeRow { Name = "n", IPv4 = IpAddr.Parse("172.16.0.1") };
        var map = maps.Maps.DeviceAddresses;
        InterfaceAddress[] addresses =
        [
            Of(7, "192.0.2.1"), Of(7, "172.16.0.1"), Of(8, "198.51.100.3") with { Scope = RouteScope.Link }, Of(8, "198.51.100.2") with { IsSecondary = true },
            Of(8, "198.51.100.1"), Of(8, "2001:db8::2") with { IsTentative = true }, Of(8, "2001:db8::1"), Of(9, "203.0.113.1"),
        ];
        MasqueradeAddresses.WriteTo(map, node, [7, 8], addresses);
        Assert.Equal(["7 172.16.0.1 ", "8 198.51.100.1 2001:db8::1"], Rows());
        MasqueradeAddresses.WriteTo(map, node, [8, 9], [Of(8, "198.51.100.9"), .. addresses]);
        Assert.Equal(["8 198.51.100.1 2001:db8::1", "9 203.0.113.1 "], Rows());
        MasqueradeAddresses.WriteTo(map, node, [8], [Of(8, "198.51.100.9")]);
        Assert.Equal(["8 198.51.100.9 "], Rows());

        static InterfaceAddress Of(int device, string address) => new(device, IPAddress.Parse(address), 32);

        IEnumerable<string> Rows() => map.ToDictionary().OrderBy(row => row.Key).Select(row => $"{row.Key} {Text(row.Value.IPv4)} {Text(row.Value.IPv6)}");

        static string Text(Addr128 address) => address.ToIpAddr() is { IsNone: false } some ? some.ToString() : "";
    }

    private static InterfaceAddress Address(TestNamespaces net, int last) => new(net.LeftIndex, IPAddress.Parse($"172.16.9.{last}"), 32);

    private static HashSet<IpAddr> Addresses(TestMaps maps) =>
        [.. maps.Maps.Endpoints.ToDictionary().Where(entry => (entry.Value.Flags & EndpointFlags.Host) != 0).Select(entry => entry.Key.ToIpAddr())];
}
