using Cilium.Core;
using Cilium.Datapath.Devices;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;
using Cilium.Netlink;
using Cilium.Simulation.Nodes;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Snapshots;

/// <summary>
/// Copies devices, addresses, neighbours and the main routing table of a node, with the indices they have. Behind pods' devices stand namespaces with the pods'
/// addresses; what leaves by other devices is handed out.
/// </summary>
internal sealed class SnapshotDevices(VirtualNode node, RouteNetlink netlink, Action<VirtualInterface> left)
{
    private readonly Dictionary<uint, VirtualNamespace> _pods = [];

    /// <summary>The pods' namespaces by the index of their device.</summary>
    internal IReadOnlyDictionary<uint, VirtualNamespace> Pods => _pods;

    internal NodeNetwork Copy(IReadOnlyDictionary<uint, EndpointRow> endpoints, IReadOnlyCollection<int> underlay, IReadOnlyList<IpAddr> routers)
    {
        var links = netlink.Links().OrderBy(link => link.Index).ToList();
        foreach (var link in links.Where(link => node.Host.InterfaceOrNull((uint)link.Index) is null))
            Add(link, links, endpoints, routers);
        foreach (var address in netlink.Addresses())
            node.Host.InterfaceOrNull((uint)address.LinkIndex)?.AddAddress(IpAddr.FromIPAddress(address.Address), address.PrefixLength);
        var routes = new VirtualNodeRoutes(node.Host);
        foreach (var route in netlink.Routes(table: Route.MainTable))
        {
            if (route.Type == RouteType.Unicast && node.Host.InterfaceOrNull((uint)route.LinkIndex) is not null)
                routes.Replace(route);
        }
        CopyNeighbours(endpoints);
        (node.Host.ForwardsIPv4, node.Host.ForwardsIPv6) = (true, true);
        return new NodeNetwork
        {
            Host = Find(links, NodeDevices.HostDevice),
            Net = Find(links, NodeDevices.NetDevice),
            Tunnel = links.Find(link => link.Name == NodeDevices.VxlanDevice),
            Underlay = [.. links.Where(link => underlay.Contains(link.Index))],
            DeviceMtu = 0,
            RouteMtu = 0,
        };
    }

    // The pods of the copy answer for themselves.
    private void CopyNeighbours(IReadOnlyDictionary<uint, EndpointRow> endpoints)
    {
        foreach (var neighbour in netlink.Neighbours().Where(neighbour => !endpoints.ContainsKey((uint)neighbour.LinkIndex)))
        {
            if (neighbour.Mac?.GetAddressBytes() is { Length: 6 } mac && node.Host.InterfaceOrNull((uint)neighbour.LinkIndex) is { } device)
                node.Host.Neighbours.Set(device, IpAddr.FromIPAddress(neighbour.Address), MacAddress.FromBytes(mac));
        }
    }

    private static Link Find(List<Link> links, string name) => links.Find(link => link.Name == name) ?? throw new SnapshotException($"the node has no device {name}");

    private void Add(Link link, List<Link> links, IReadOnlyDictionary<uint, EndpointRow> endpoints, IReadOnlyList<IpAddr> routers)
    {
        var host = node.Host;
        host.NextIndex = (uint)link.Index;
        VirtualInterface device;
        if (link.Name == NodeDevices.HostDevice)
        {
            (device, var net) = host.AddPair(link.Name, host, NodeDevices.NetDevice, (uint)Find(links, NodeDevices.NetDevice).Index);
            (device.IsWithoutNeighbours, net.IsWithoutNeighbours, net.Mtu) = (true, true, link.Mtu);
        }
        else if (link.Name == NodeDevices.NetDevice)
        {
            (device, var other) = host.AddPair(link.Name, host, NodeDevices.HostDevice, (uint)Find(links, NodeDevices.HostDevice).Index);
            (device.IsWithoutNeighbours, other.IsWithoutNeighbours, other.Mtu) = (true, true, link.Mtu);
        }
        else if (link.Name == NodeDevices.VxlanDevice)
        {
            device = host.AddTunnel(link.Name, (ushort)link.VxlanPort);
        }
        else if (endpoints.TryGetValue((uint)link.Index, out var row))
        {
            device = AddPod(link, row, routers);
        }
        else
        {
            var port = host.AddPort(link.Name);
            port.IsWithoutNeighbours = true;
            port.Listener = _ => left(port);
            device = port;
        }
        device.Mtu = link.Mtu;
        if (link.Mac is { } mac && mac.GetAddressBytes() is { Length: 6 } octets)
            device.Mac = MacAddress.FromBytes(octets);
    }

    private VirtualInterface AddPod(Link link, EndpointRow row, IReadOnlyList<IpAddr> routers)
    {
        var pod = node.AddNamespace($"endpoint {row.EndpointId}");
        var (host, inside) = node.Host.AddPair(link.Name, pod, "eth0");
        (inside.Mtu, inside.Mac) = (link.Mtu, row.ContainerMac.ToMacAddress());
        foreach (var address in new[] { row.IPv4.ToIpAddr(), row.IPv6.ToIpAddr() }.Where(address => !address.IsNone))
        {
            inside.AddAddress(address);
            var gateway = routers.FirstOrDefault(router => !router.IsNone && router.IsIPv4 == address.IsIPv4);
            if (gateway.IsNone)
                continue;
            pod.Routes.Add(new VirtualRoute { Destination = Prefix.Of(gateway), Interface = inside });
            pod.Routes.Add(new VirtualRoute { Destination = new Prefix(address.IsIPv4 ? IpAddr.FromIPv4(0) : IpAddr.None, 0), Interface = inside, Gateway = gateway });
        }
        _pods[(uint)link.Index] = pod;
        return host;
    }
}
