using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Cilium.Core;
using Cilium.Datapath.Endpoints;
using Cilium.Datapath.Kernel;
using Cilium.Netlink;

namespace Cilium.KernelTests;

/// <summary>Pods that leave the node by the device whose interface has their address.</summary>
public sealed class PodUplinkTests
{
    private static readonly PhysicalAddress s_mac = PhysicalAddress.Parse("02-0E-00-00-00-01");
    private static readonly PodUplink s_uplink = new(MacAddress.FromBytes(s_mac.GetAddressBytes()), IpAddr.Parse("10.8.1.1"), 11, [Prefix.Parse("10.8.0.0/16"), Prefix.Parse("10.7.0.0/16")]);

    [Fact]
    public void Rules_and_routes_come_with_a_pod_move_with_its_uplink_and_go()
    {
        using var net = new TestNamespaces();
        var uplinks = new PodUplinks(net.LeftNetlink, NodeNamespace.Other(net.Left));
        var row = Row("10.8.1.7", s_uplink);
        var missing = Assert.Throws<UplinkMissingException>(() => uplinks.Attach(row, null));
        Assert.Contains("02:0e:00:00:00:01", missing.Message, StringComparison.Ordinal);
        Assert.Empty(Rules(net));

        // The device has no address and is down, as EC2 leaves it.
        net.LeftNetlink.CreateVeth(new LinkSettings { Name = "eth1", Mac = s_mac }, new LinkSettings { Name = "eth1peer", IsUp = true });
        uplinks.Attach(row, null);
        uplinks.Attach(row, null);
        Assert.Equal(["to 10.8.1.7/32 in 254 at 20", "10.8.1.7/32 to 10.7.0.0/16 in 11 at 111", "10.8.1.7/32 to 10.8.0.0/16 in 11 at 111"], Rules(net));
        Assert.True(net.LeftNetlink.FindLink("eth1")!.IsUp);
        var routes = net.LeftNetlink.Routes(AddressFamily.InterNetwork, 11);
        Assert.Contains(routes, route => route.Destination.PrefixLength == 0 && IPAddress.Parse("10.8.1.1").Equals(route.Gateway));
        Assert.Contains(routes, route => route.Destination.ToString() == "10.8.1.1/32" && route.Scope == RouteScope.Link);

        // To everywhere by the same device; a pod without an uplink has no rules; rules of nobody go, others' stay.
        uplinks.Attach(row with { Uplink = s_uplink with { Destinations = [] } }, row);
        Assert.Equal(["to 10.8.1.7/32 in 254 at 20", "10.8.1.7/32 to  in 11 at 111"], Rules(net));

        // A new agent that knows of no earlier row finds the rules of the old one.
        new PodUplinks(net.LeftNetlink, NodeNamespace.Other(net.Left)).Attach(row with { Uplink = s_uplink with { Destinations = [Prefix.Parse("10.8.0.0/16")] } }, null);
        Assert.Equal(["to 10.8.1.7/32 in 254 at 20", "10.8.1.7/32 to 10.8.0.0/16 in 11 at 111"], Rules(net));
        new PodUplinks(net.LeftNetlink, NodeNamespace.Other(net.Left)).Attach(row with { Uplink = s_uplink with { Destinations = [] } }, null);
        Assert.Equal(["to 10.8.1.7/32 in 254 at 20", "10.8.1.7/32 to  in 11 at 111"], Rules(net));
        uplinks.Attach(Row("10.8.1.8", null), null);
        uplinks.Attach(Row("10.8.1.9", s_uplink), null);
        var foreign = new RoutingRule(AddressFamily.InterNetwork, 111, 12) { Source = IPNetwork.Parse("10.8.1.99/32"), Protocol = RouteProtocol.Static };
        net.LeftNetlink.AddRule(foreign);
        uplinks.Prune([Row("10.8.1.9", s_uplink)]);
        Assert.Equal(
            ["to 10.8.1.9/32 in 254 at 20", "10.8.1.9/32 to 10.7.0.0/16 in 11 at 111", "10.8.1.9/32 to 10.8.0.0/16 in 11 at 111", "10.8.1.99/32 to  in 12 at 111"], Rules(net));
        uplinks.Remove(Row("10.8.1.9", s_uplink));
        uplinks.Remove(Row("10.8.1.9", s_uplink));
        Assert.Equal(["10.8.1.99/32 to  in 12 at 111"], Rules(net));
    }

    private static List<string> Rules(TestNamespaces net) => [.. net.LeftNetlink.Rules(AddressFamily.InterNetwork).Where(rule => rule.Priority is 20 or 111)
        .Select(rule => $"{(rule.Source is null ? "" : $"{rule.Source} ")}to {rule.Destination} in {rule.Table} at {rule.Priority}")
        .OrderBy(text => text.StartsWith("to", StringComparison.Ordinal) ? 0 : 1).ThenBy(text => text, StringComparer.Ordinal)];

    private static EndpointRow Row(string address, PodUplink? uplink) => new()
    {
        Id = new EndpointId((ushort)(IpAddr.Parse(address).GetHashCode() & 0xfff)),
        InterfaceName = "lxc1",
        InterfaceIndex = 99,
        PodMac = MacAddress.None,
        HostMac = MacAddress.None,
        IPv4 = IpAddr.Parse(address),
        Identity = Identity.Host,
        Uplink = uplink,
    };
}
