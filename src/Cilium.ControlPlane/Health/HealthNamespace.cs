using System.Net;
using System.Net.Sockets;
using Cilium.ControlPlane.Endpoints;
using Cilium.Core;
using Cilium.Datapath.Nodes;
using Cilium.Netlink;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Cilium.ControlPlane.Health;

/// <summary>The network namespace of the health endpoint: a pod's network without a pod. It has no name and ends with the agent, however that ends.</summary>
internal sealed class HealthNamespace : IDisposable
{
    /// <summary>Name of the device on the node, as upstream's.</summary>
    public const string DeviceName = "lxc_health";

    private const string InnerDeviceName = "cilium";
    private readonly NetworkNamespace _namespace;

    private HealthNamespace(NetworkNamespace space, LocalEndpointRow endpoint)
    {
        _namespace = space;
        Endpoint = endpoint;
    }

    /// <summary>What the agent is to know of it; its number is not chosen yet.</summary>
    public LocalEndpointRow Endpoint { get; }

    /// <summary>Creates the namespace and its device; one of this name that exists is replaced.</summary>
    /// <param name="addresses">Its addresses.</param>
    /// <param name="self">The node, whose router is the gateway.</param>
    /// <param name="deviceMtu">MTU of the device in bytes.</param>
    /// <param name="routeMtu">MTU of its default route in bytes.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static HealthNamespace Create(HealthAddressRow addresses, LocalNodeRow self, int deviceMtu, int routeMtu, DateTimeOffset now)
    {
        var (hostMac, podMac) = (MacAddress.NewLocal(Random.Shared), MacAddress.NewLocal(Random.Shared));
        var space = NetworkNamespace.CreateUnnamed();
        try
        {
            var (index, cookie) = new VethPair
            {
                Name = DeviceName,
                PeerName = InnerDeviceName,
                Mac = hostMac.ToPhysicalAddress(),
                PeerMac = podMac.ToPhysicalAddress(),
                DeviceMtu = deviceMtu,
                RouteMtu = routeMtu,
                Addresses = [.. addresses.Addresses().Select(address => (address.ToIPAddress(), (address.IsIPv4 ? self.RouterIPv4 : self.RouterIPv6).ToIPAddress()))],
            }.Create(space);
            return new HealthNamespace(space, new LocalEndpointRow
            {
                Id = default,
                ContainerId = "",
                ContainerInterfaceName = "",
                ReservedIdentity = Identity.Health,
                InterfaceName = DeviceName,
                InterfaceIndex = index,
                PodMac = podMac,
                HostMac = hostMac,
                IPv4 = addresses.IPv4,
                IPv6 = addresses.IPv6,
                NetnsCookie = cookie,
                CreatedAt = now,
            });
        }
        catch (Exception)
        {
            space.Dispose();
            throw;
        }
    }

    /// <summary>A socket of this namespace, bound.</summary>
    public Socket Bind(EndPoint endpoint) => _namespace.Run(() => SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint));

    /// <summary>Lets go of the namespace, which ends with its last socket.</summary>
    public void Dispose() => _namespace.Dispose();
}
