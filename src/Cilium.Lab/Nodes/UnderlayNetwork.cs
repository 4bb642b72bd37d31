using System.Net;
using System.Net.NetworkInformation;
using Cilium.Netlink;

namespace Cilium.Lab.Nodes;

/// <summary>The addresses of one node on the network between nodes.</summary>
internal sealed record NodeAddresses(IPAddress? Ipv4, IPAddress? Ipv6)
{
    public IEnumerable<IPAddress> All => new[] { Ipv4, Ipv6 }.OfType<IPAddress>();
}

/// <summary>
/// The network between the nodes: a bridge in a namespace of its own, which is also the nodes' way out. An address beyond that
/// gateway stands for the world outside the cluster. All labs use the same ranges, since none of them meets another.
/// </summary>
internal sealed class UnderlayNetwork(LabLayout layout, bool ipv4, bool ipv6)
{
    private const string Bridge = "br0";
    private const string Device = "eth0";
    private const int Ipv4Length = 16;
    private const int Ipv6Length = 64;

    // Without an address of its own a bridge takes the lowest of its ports', and forgets all neighbours, permanent ones too, when a port brings a lower one.
    private static readonly PhysicalAddress s_bridgeMac = new([0x02, 0x42, 0xac, 0x12, 0x00, 0x01]);

    /// <summary>Addresses of the world outside.</summary>
    public static readonly IPAddress Outside4 = IPAddress.Parse("203.0.113.10");
    public static readonly IPAddress Outside6 = IPAddress.Parse("2001:db8:ffff::10");

    private static readonly IPAddress Gateway4 = IPAddress.Parse("172.18.0.1");
    private static readonly IPAddress Gateway6 = IPAddress.Parse("fc00:f853:ccd:e793::1");

    public NodeAddresses AddressesOf(int index) => new(
        ipv4 ? IPAddress.Parse($"172.18.0.{index + 2}") : null,
        ipv6 ? IPAddress.Parse($"fc00:f853:ccd:e793::{index + 2:x}") : null);

    public void Create()
    {
        using var ns = NetworkNamespace.Create(layout.UnderlayNamespace);
        ns.Run(() =>
        {
            Sysctl.Write("net/ipv4/ip_forward", "1");
            Sysctl.Write("net/ipv6/conf/all/forwarding", "1");
        });
        using var network = RouteNetlink.Open(ns);
        var loopback = BringUpLoopback(network);
        network.AddAddress(new InterfaceAddress(loopback, Outside4, 32));
        network.CreateBridge(new LinkSettings { Name = Bridge, IsUp = true, Mac = s_bridgeMac });
        var bridge = network.FindLink(Bridge)!.Index;
        network.AddAddress(new InterfaceAddress(bridge, Gateway4, Ipv4Length));
        if (!ipv6) return;
        network.AddAddress(new InterfaceAddress(loopback, Outside6, 128));
        network.AddAddress(new InterfaceAddress(bridge, Gateway6, Ipv6Length));
    }

    /// <summary>Makes a node's namespace with its device on the bridge.</summary>
    public void AddNode(string node, int index)
    {
        var addresses = AddressesOf(index);
        using var ns = NetworkNamespace.Create(layout.NodeNamespace(node));
        ns.Run(() =>
        {
            Sysctl.Write("net/ipv4/ip_forward", "1");
            Sysctl.Write("net/ipv4/conf/all/rp_filter", "0");
            Sysctl.Write("net/ipv4/conf/default/rp_filter", "0");
            Sysctl.Write("net/ipv6/conf/all/forwarding", "1");
        });
        using var underlay = NetworkNamespace.Open(NetworkNamespace.PathOf(layout.UnderlayNamespace));
        using var switching = RouteNetlink.Open(underlay);
        var bridge = switching.FindLink(Bridge)!.Index;
        switching.CreateVeth(
            new LinkSettings { Name = $"node{index}", IsUp = true, MasterIndex = bridge }, new LinkSettings { Name = Device, Namespace = ns });
        using var network = RouteNetlink.Open(ns);
        BringUpLoopback(network);
        var device = network.FindLink(Device)!.Index;
        network.ChangeLink(device, new LinkSettings { IsUp = true });
        if (addresses.Ipv4 is { } address4)
        {
            network.AddAddress(new InterfaceAddress(device, address4, Ipv4Length));
            network.ReplaceRoute(new Route { Destination = IPNetwork.Parse("0.0.0.0/0"), Gateway = Gateway4, LinkIndex = device });
        }

        if (addresses.Ipv6 is not { } address6) return;
        network.AddAddress(new InterfaceAddress(device, address6, Ipv6Length));
        network.ReplaceRoute(new Route { Destination = IPNetwork.Parse("::/0"), Gateway = Gateway6, LinkIndex = device });
    }

    /// <summary>Makes a pod's namespace, with nothing but its loopback.</summary>
    public static void CreatePodNamespace(string name)
    {
        using var ns = NetworkNamespace.Create(name);
        using var network = RouteNetlink.Open(ns);
        BringUpLoopback(network);
    }

    private static int BringUpLoopback(RouteNetlink network)
    {
        var index = network.FindLink("lo")!.Index;
        network.ChangeLink(index, new LinkSettings { IsUp = true });
        return index;
    }
}
