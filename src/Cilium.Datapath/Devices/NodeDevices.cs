using System.Net;
using System.Net.Sockets;
using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Nodes;
using Cilium.Netlink;

namespace Cilium.Datapath.Devices;

/// <summary>Creates and finds the node's devices. Idempotent: what is right already is left alone.</summary>
/// <param name="netlink">The node's namespace.</param>
/// <param name="ns">The same, for settings.</param>
/// <param name="options">Families, tunnel, devices and MTU.</param>
internal sealed class NodeDevices(RouteNetlink netlink, NodeNamespace ns, DatapathOptions options)
{
    internal const string HostDevice = "cilium_host";
    internal const string NetDevice = "cilium_net";
    internal const string VxlanDevice = "cilium_vxlan";

    /// <summary>Brings devices, addresses, local routes and settings into being.</summary>
    internal NodeNetwork Ensure(LocalNodeRow node)
    {
        // 1. Underlay devices and what fits through them.
        var underlay = FindUnderlay(node);
        var deviceMtu = options.Mtu != 0 ? options.Mtu : underlay.Count > 0 ? underlay.Min(link => link.Mtu) : 1500;
        var overhead = options.TunnelOverhead(node);

        // 2. The pair through which the node itself reaches pods, and the tunnel.
        if (netlink.FindLink(HostDevice) is null)
        {
            netlink.CreateVeth(
                new LinkSettings { Name = HostDevice, Mtu = deviceMtu, UsesArp = false },
                new LinkSettings { Name = NetDevice, Mtu = deviceMtu, UsesArp = false });
        }
        var tunnel = EnsureTunnel(deviceMtu);

        // 3. Settings first, since addresses and routes depend on them (IPv6 switched off keeps none).
        ns.Run(() => WriteSettings(underlay));
        var host = BringUp(HostDevice, deviceMtu);
        var net = BringUp(NetDevice, deviceMtu);

        // 4. The gateway's address, without a former one, and the routes to local pods.
        foreach (var former in netlink.Addresses(host.Index).Where(own => IpAddr.FromIPAddress(own.Address) is var address && !address.IsNone && !own.Address.IsIPv6LinkLocal && !Routers(node).Contains(address)))
            netlink.DeleteAddress(former);
        foreach (var router in Routers(node))
        {
            netlink.AddAddress(new InterfaceAddress(host.Index, router.ToIPAddress(), router.BitLength)
            {
                Scope = router.IsIPv4 ? RouteScope.Link : RouteScope.Universe,
            });
        }
        var network = new NodeNetwork
        {
            Host = host,
            Net = net,
            Tunnel = tunnel,
            Underlay = underlay,
            DeviceMtu = deviceMtu,
            RouteMtu = deviceMtu - overhead,
        };
        // Where every pod has a route of its own, its range has none.
        foreach (var prefix in options.EnableEndpointRoutes ? [] : node.PodPrefixes)
        {
            if (PodRoute(node, network, prefix, mtu: null) is { } route)
                netlink.ReplaceRoute(route);
        }
        return network;
    }

    /// <summary>The route to a pod range through cilium_host, or null when the node has no gateway of the family.</summary>
    internal static Route? PodRoute(LocalNodeRow node, NodeNetwork network, Prefix prefix, int? mtu)
    {
        var router = prefix.IsIPv4 ? node.RouterIPv4 : node.RouterIPv6;
        return router.IsNone ? null : new Route
        {
            Destination = new IPNetwork(prefix.Address.ToIPAddress(), prefix.Length),
            LinkIndex = network.Host.Index,
            Source = router.ToIPAddress(),
            Mtu = mtu,
            Protocol = RouteProtocol.Kernel,
            // Only IPv6 keeps a priority when none is asked for; say its default, so that a route equals itself when read back.
            Priority = prefix.IsIPv4 ? null : 1024,
        };
    }

    private IEnumerable<IpAddr> Routers(LocalNodeRow node)
    {
        if (options.EnableIPv4 && !node.RouterIPv4.IsNone)
            yield return node.RouterIPv4;
        if (options.EnableIPv6 && !node.RouterIPv6.IsNone)
            yield return node.RouterIPv6;
    }

    private List<Link> FindUnderlay(LocalNodeRow node)
    {
        var links = netlink.Links();
        if (options.Devices.Count > 0)
        {
            return [.. options.Devices.Select(name => links.Find(link => link.Name == name)
                ?? throw new InvalidOperationException($"devices: there is no device {name}"))];
        }
        var addresses = netlink.Addresses();
        var indices = netlink.Routes(AddressFamily.InterNetwork, Route.MainTable)
            .Concat(netlink.Routes(AddressFamily.InterNetworkV6, Route.MainTable))
            .Where(route => route.Destination.PrefixLength == 0)
            .SelectMany(route => route.AllLinks())
            .Concat(addresses.Where(a => IsNodeAddress(node, a.Address)).Select(a => a.LinkIndex))
            .ToHashSet();
        return [.. links.Where(link => indices.Contains(link.Index) && link.Name is not ("lo" or HostDevice or NetDevice or VxlanDevice))];
    }

    private static bool IsNodeAddress(LocalNodeRow node, IPAddress address) =>
        IpAddr.FromIPAddress(address) is var found && !found.IsNone && (found == node.IPv4 || found == node.IPv6);

    private Link? EnsureTunnel(int mtu)
    {
        var existing = netlink.FindLink(VxlanDevice);
        var isRight = existing is { Kind: "vxlan", CollectsMetadata: true } && existing.VxlanPort == options.TunnelPort;
        if (existing is not null && (!options.EnableTunnel || !isRight))
        {
            netlink.DeleteLink(existing.Index);
            existing = null;
        }
        if (!options.EnableTunnel)
            return null;
        if (existing is null)
            netlink.CreateVxlan(new LinkSettings { Name = VxlanDevice, Mtu = mtu }, options.TunnelPort);
        return BringUp(VxlanDevice, mtu);
    }

    private Link BringUp(string name, int mtu)
    {
        var link = netlink.FindLink(name) ?? throw new InvalidOperationException($"device {name} vanished while it was set up");
        if (!link.IsUp || link.Mtu != mtu)
            netlink.ChangeLink(link.Index, new LinkSettings { IsUp = true, Mtu = mtu });
        return link with { IsUp = true, Mtu = mtu };
    }

    private void WriteSettings(List<Link> underlay)
    {
        // Packets leave and arrive on different devices, so the reverse path check would drop them; new devices copy "default".
        foreach (var device in new[] { "all", "default", HostDevice, NetDevice, VxlanDevice }.Concat(underlay.Select(link => link.Name)))
            Sysctl.Write($"net/ipv4/conf/{device}/rp_filter", "0");
        foreach (var device in new[] { HostDevice, NetDevice })
        {
            Sysctl.Write($"net/ipv4/conf/{device}/accept_local", "1");
            Sysctl.Write($"net/ipv4/conf/{device}/send_redirects", "0");
            Sysctl.Write($"net/ipv4/conf/{device}/forwarding", "1");
        }
        // What pods and the tunnel answer in the name of a node port has this node's own address already when it is routed on.
        if (options.EnableNodePort)
        {
            Sysctl.Write("net/ipv4/conf/default/accept_local", "1");
            foreach (var device in netlink.Links().Where(link => link.Name == VxlanDevice || link.Name.StartsWith("lxc", StringComparison.Ordinal)))
                Sysctl.Write($"net/ipv4/conf/{device.Name}/accept_local", "1");
        }
        if (options.EnableIPv4)
            Sysctl.Write("net/ipv4/ip_forward", "1");
        if (!options.EnableIPv6)
            return;
        foreach (var device in new[] { "all", "default", HostDevice, NetDevice })
            Sysctl.Write($"net/ipv6/conf/{device}/disable_ipv6", "0");
        Sysctl.Write("net/ipv6/conf/all/forwarding", "1");
    }
}
