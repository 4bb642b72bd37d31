using Cilium.Datapath;
using Cilium.Datapath.Devices;
using Cilium.Datapath.Nodes;
using Cilium.Netlink;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Nodes;

/// <summary>The node's devices on a virtual node: what <c>NodeDevices</c> makes on the kernel.</summary>
internal sealed class VirtualNodeDevices(VirtualNamespace host, DatapathOptions options)
{
    internal NodeNetwork Ensure(LocalNodeRow node)
    {
        var underlay = host.Interfaces.Where(IsUnderlay).ToList();
        var mtu = options.Mtu != 0 ? options.Mtu : underlay.Select(device => device.Mtu).DefaultIfEmpty(1500).Min();
        var overhead = options.TunnelOverhead(node);
        if (host.InterfaceOrNull(NodeDevices.HostDevice) is not { } device)
        {
            (device, _) = host.AddPair(NodeDevices.HostDevice, host, NodeDevices.NetDevice);
            foreach (var router in new[] { node.RouterIPv4, node.RouterIPv6 }.Where(router => !router.IsNone))
                device.AddAddress(router);
        }
        var net = host.InterfaceOrNull(NodeDevices.NetDevice)!;
        foreach (var end in new[] { device, net })
            (end.Mtu, end.IsWithoutNeighbours) = (mtu, true);
        var tunnel = !options.EnableTunnel ? null : host.InterfaceOrNull(NodeDevices.VxlanDevice) ?? host.AddTunnel(NodeDevices.VxlanDevice, options.TunnelPort);
        if (tunnel is not null)
            tunnel.Mtu = mtu;
        (host.ForwardsIPv4, host.ForwardsIPv6) = (options.EnableIPv4, options.EnableIPv6);
        var network = new NodeNetwork
        {
            Host = LinkOf(device),
            Net = LinkOf(net),
            Tunnel = tunnel is null ? null : LinkOf(tunnel),
            Underlay = [.. underlay.Select(LinkOf)],
            DeviceMtu = mtu,
            RouteMtu = mtu - overhead,
        };
        var routes = new VirtualNodeRoutes(host);
        foreach (var prefix in options.EnableEndpointRoutes ? [] : node.PodPrefixes)
        {
            if (NodeDevices.PodRoute(node, network, prefix, mtu: null) is { } route)
                routes.Replace(route);
        }
        return network;

        bool IsUnderlay(VirtualInterface candidate) => options.Devices.Count > 0
            ? options.Devices.Contains(candidate.Name)
            : candidate.Addresses.Any(address => address == node.IPv4 || address == node.IPv6)
                || host.Routes.All.Any(route => route.Destination.Length == 0 && ReferenceEquals(route.Interface, candidate));
    }

    private static Link LinkOf(VirtualInterface device) => new() { Index = (int)device.Index, Name = device.Name, Mtu = device.Mtu, IsUp = device.IsUp };
}
