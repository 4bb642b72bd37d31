using Cilium.Core;
using Cilium.Datapath.Nodes;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Nodes;

/// <summary>Puts pods on virtual nodes as the CNI plugin does on real ones: a namespace, a pair of devices, routes by the node's gateway.</summary>
public static class VirtualPods
{
    private const string PodDevice = "eth0";

    /// <summary>Adds a pod.</summary>
    /// <param name="node">Where.</param>
    /// <param name="local">The node's gateways.</param>
    /// <param name="name">A name for messages.</param>
    /// <param name="number">The endpoint's number, which the device's name is made of.</param>
    /// <param name="addresses">Its addresses.</param>
    /// <param name="mtu">The MTU of its devices, in bytes.</param>
    /// <param name="routeMtu">The MTU of its default routes, in bytes.</param>
    /// <returns>The pod's namespace, and the host side of the pair.</returns>
    public static (VirtualNamespace Pod, VirtualInterface HostSide) Add(
        VirtualNode node, LocalNodeRow local, string name, ushort number, IEnumerable<IpAddr> addresses, int mtu, int routeMtu)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(local);
        var pod = node.AddNamespace(name);
        var (host, inside) = node.Host.AddPair($"lxc{number:x4}", pod, PodDevice);
        (host.Mtu, inside.Mtu) = (mtu, mtu);
        foreach (var address in addresses)
        {
            inside.AddAddress(address);
            var gateway = address.IsIPv4 ? local.RouterIPv4 : local.RouterIPv6;
            if (gateway.IsNone)
                continue;
            pod.Routes.Add(new VirtualRoute { Destination = Prefix.Of(gateway), Interface = inside });
            var everywhere = new Prefix(address.IsIPv4 ? IpAddr.FromIPv4(0) : IpAddr.None, 0);
            pod.Routes.Add(new VirtualRoute { Destination = everywhere, Interface = inside, Gateway = gateway, Mtu = routeMtu });
        }
        return (pod, host);
    }
}
