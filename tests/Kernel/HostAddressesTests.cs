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
            maps.Maps, new LocalNodeRow { Name = "n", IPv4 = IpAddr.Parse("172.16.0.1") }, NodeNamespace.Other(net.Left), TimeProvider.System, NullLogger.Instance);
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

    private static InterfaceAddress Address(TestNamespaces net, int last) => new(net.LeftIndex, IPAddress.Parse($"172.16.9.{last}"), 32);

    private static HashSet<IpAddr> Addresses(TestMaps maps) =>
        [.. maps.Maps.Endpoints.ToDictionary().Where(entry => (entry.Value.Flags & EndpointFlags.Host) != 0).Select(entry => entry.Key.ToIpAddr())];
}
