using Cilium.Core;
using Cilium.Datapath.Nodes;

namespace Cilium.Simulation.Clusters;

/// <summary>The addresses of simulated nodes, pods and services. Pods of a node have 10.128.0.0/9 in ranges of 256; services 10.96.0.0/12.</summary>
/// <param name="hasIPv4">IPv4 is on.</param>
/// <param name="hasIPv6">IPv6 is on.</param>
internal sealed class AddressPlan(bool hasIPv4, bool hasIPv6)
{
    private const uint Underlay4 = 0xAC10_0000;
    private const uint Pods4 = 0x0A80_0000;
    private const uint Services4 = 0x0A60_0100;
    private const ulong Underlay6 = 0xFD00_0001_0000_0000;
    private const ulong Pods6 = 0xFD00_0002_0000_0000;
    private const ulong Services6 = 0xFD00_0003_0000_0000;
    private const int FirstPod = 10;
    private readonly HashSet<IpAddr> _taken = [];
    private uint _services;

    /// <summary>The length of the nodes' network.</summary>
    internal static int UnderlayLength(IpAddr address) => address.IsIPv4 ? 12 : 64;

    /// <summary>The address of the way to the world, which ends every underlay network.</summary>
    internal static IpAddr WorldGateway(bool isIPv4) => isIPv4 ? IpAddr.FromIPv4(Underlay4 + 0xF_FFFE) : new IpAddr(Underlay6, 0xFFFF_FFFE);

    /// <summary>A node's addresses; nodes are numbered from 1.</summary>
    internal LocalNodeRow Node(string name, int number) => new()
    {
        Name = name,
        IPv4 = hasIPv4 ? IpAddr.FromIPv4(Underlay4 + (uint)number) : IpAddr.None,
        IPv6 = hasIPv6 ? new IpAddr(Underlay6, (ulong)number) : IpAddr.None,
        RouterIPv4 = hasIPv4 ? IpAddr.FromIPv4(Pods4 + ((uint)number << 8) + 1) : IpAddr.None,
        RouterIPv6 = hasIPv6 ? new IpAddr(Pods6 + (ulong)number, 1) : IpAddr.None,
        PodPrefixes = new[]
        {
            hasIPv4 ? new Prefix(IpAddr.FromIPv4(Pods4 + ((uint)number << 8)), 24) : default,
            hasIPv6 ? new Prefix(new IpAddr(Pods6 + (ulong)number, 0), 64) : default,
        }.Where(prefix => prefix != default).ToEquatableArray(),
    };

    /// <summary>The addresses of a pod; pods of a node are numbered from 0.</summary>
    internal List<IpAddr> Pod(int node, int number)
    {
        var addresses = new List<IpAddr>(2);
        if (hasIPv4)
            addresses.Add(IpAddr.FromIPv4(Pods4 + ((uint)node << 8) + FirstPod + (uint)number));
        if (hasIPv6)
            addresses.Add(new IpAddr(Pods6 + (ulong)node, FirstPod + (ulong)number));
        return addresses;
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
            if (hasIPv4)
                addresses.Add(IpAddr.FromIPv4(Services4 + _services));
            if (hasIPv6)
                addresses.Add(new IpAddr(Services6, _services + 1));
            _services++;
        }
        while (addresses.Exists(_taken.Contains));
        return addresses;
    }
}
