using Cilium.Core;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Clusters;

/// <summary>What is behind the nodes' network: a router whose other side takes everything.</summary>
internal sealed class ClusterWorld
{
    private const string Name = "world";
    private readonly VirtualPort _port;

    internal ClusterWorld(Fabric fabric, VirtualSegment underlay, string device)
    {
        var world = fabric.AddNode(Name).Host;
        (world.ForwardsIPv4, world.ForwardsIPv6) = (true, true);
        var nic = world.AddSegmentDevice(device, underlay);
        _port = world.AddPort(Name);
        _port.IsWithoutNeighbours = true;
        foreach (var isIPv4 in new[] { true, false })
        {
            var gateway = ClusterAddresses.WorldGateway(isIPv4);
            nic.AddAddress(gateway, ClusterAddresses.UnderlayLength(gateway));
            world.Routes.Add(new VirtualRoute { Destination = Everywhere(isIPv4), Interface = _port });
        }
    }

    /// <summary>Gets what leaves.</summary>
    internal FrameListener? Listener
    {
        get => _port.Listener;
        set => _port.Listener = value;
    }

    /// <summary>All addresses of a family.</summary>
    internal static Prefix Everywhere(bool isIPv4) => new(isIPv4 ? IpAddr.FromIPv4(0) : IpAddr.None, 0);
}
