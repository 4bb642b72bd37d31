using System.Net;
using Cilium.ControlPlane.Operator;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.Simulation.Clusters;

/// <summary>
/// The addresses of a simulated cluster: those of nodes and services, which the machines and the API server have from elsewhere, and the operator's
/// part of mode <c>cluster-pool</c>. Pods have 10.128.0.0/9 in ranges of 256 per node; services 10.96.0.0/12.
/// </summary>
internal sealed class ClusterAddresses
{
    private const uint Underlay4 = 0xAC10_0000;
    private const uint Services4 = 0x0A60_0100;
    private const ulong Underlay6 = 0xFD00_0001_0000_0000;
    private const ulong Services6 = 0xFD00_0003_0000_0000;
    internal static readonly Prefix Pods4 = Prefix.Parse("10.128.0.0/9");
    internal static readonly Prefix Pods6 = Prefix.Parse("fd00:2::/48");
    internal static readonly Prefix LoadBalancers4 = Prefix.Parse("192.0.2.0/24");
    internal static readonly Prefix LoadBalancers6 = Prefix.Parse("2001:db8:100::/112");
    internal static readonly IPNetwork ServiceRange4 = IPNetwork.Parse("10.96.0.0/12");
    internal static readonly IPNetwork ServiceRange6 = IPNetwork.Parse("fd00:3::/112");
    internal const int NodeLength4 = 24;
    internal const int NodeLength6 = 64;
    private readonly bool _hasIPv4;
    private readonly bool _hasIPv6;
    private readonly PodCidrAssigner _assigner;
    private readonly HashSet<IpAddr> _taken = [];
    private uint _services;

    /// <param name="hasIPv4">IPv4 is on.</param>
    /// <param name="hasIPv6">IPv6 is on.</param>
    internal ClusterAddresses(bool hasIPv4, bool hasIPv6)
    {
        _hasIPv4 = hasIPv4;
        _hasIPv6 = hasIPv6;
        _assigner = new PodCidrAssigner(hasIPv4 ? new CidrPool([Pods4], NodeLength4) : null, hasIPv6 ? new CidrPool([Pods6], NodeLength6) : null);
        _assigner.Restore([]);
    }

    /// <summary>The length of the nodes' network.</summary>
    internal static int UnderlayLength(IpAddr address) => address.IsIPv4 ? 12 : 64;

    /// <summary>The address of the way to the world, which ends every underlay network.</summary>
    internal static IpAddr WorldGateway(bool isIPv4) => isIPv4 ? IpAddr.FromIPv4(Underlay4 + 0xF_FFFE) : new IpAddr(Underlay6, 0xFFFF_FFFE);

    /// <summary>A node as Kubernetes has it; nodes are numbered from 1.</summary>
    internal KubeNodeRow Node(string name, int number)
    {
        var addresses = new List<NodeAddress>(2);
        if (_hasIPv4)
            addresses.Add(new NodeAddress(NodeAddress.InternalIP, IpAddr.FromIPv4(Underlay4 + (uint)number)));
        if (_hasIPv6)
            addresses.Add(new NodeAddress(NodeAddress.InternalIP, new IpAddr(Underlay6, (ulong)number)));
        return new KubeNodeRow { Name = name, Uid = name, Addresses = addresses.ToEquatableArray() };
    }

    /// <summary>The node's CiliumNode with the pod CIDRs that the operator gives it.</summary>
    /// <exception cref="ArgumentException">No CIDR is left.</exception>
    internal CiliumNodeRow Assign(KubeNodeRow node)
    {
        var row = new CiliumNodeRow { Name = node.Name, Uid = node.Uid, Addresses = node.Addresses };
        var decision = _assigner.Decide(row);
        return decision.Error.Length == 0 ? row with { PodCidrs = decision.PodCidrs } : throw new ArgumentException($"{node.Name}: {decision.Error}");
    }

    /// <summary>Keeps an address from being given.</summary>
    internal void Take(IpAddr address) => _taken.Add(address);

    /// <summary>Addresses for a service that names none.</summary>
    internal List<IpAddr> Service()
    {
        var addresses = new List<IpAddr>(2);
        do
        {
            addresses.Clear();
            if (_hasIPv4)
                addresses.Add(IpAddr.FromIPv4(Services4 + _services));
            if (_hasIPv6)
                addresses.Add(new IpAddr(Services6, _services + 1));
            _services++;
        }
        while (addresses.Exists(_taken.Contains));
        return addresses;
    }
}
