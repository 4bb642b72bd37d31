using System.Net;
using Cilium.Core;
using Cilium.Datapath.Nodes;
using Cilium.Netlink;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Nodes;

/// <summary>The routes of a virtual node, in the words of the kernel's.</summary>
internal sealed class VirtualNodeRoutes(VirtualNamespace host) : INodeRoutes
{
    /// <inheritdoc/>
    public IEnumerable<Route> All() => [.. host.Routes.All.Select(route => new Route
    {
        Destination = new IPNetwork(route.Destination.Address.ToIPAddress(), route.Destination.Length),
        LinkIndex = (int)route.Interface.Index,
        Gateway = route.Gateway.IsNone ? null : route.Gateway.ToIPAddress(),
        Source = route.Source.IsNone ? null : route.Source.ToIPAddress(),
        Mtu = route.Mtu == 0 ? null : route.Mtu,
        Protocol = RouteProtocol.Kernel,
    })];

    /// <inheritdoc/>
    public void Replace(Route route) => host.Routes.Add(new VirtualRoute
    {
        Destination = PrefixOf(route),
        Interface = host.InterfaceOrNull((uint)route.LinkIndex) ?? throw new InvalidOperationException($"{host.Name} has no device {route.LinkIndex}"),
        Gateway = route.Gateway is { } gateway ? IpAddr.FromIPAddress(gateway) : IpAddr.None,
        Source = route.Source is { } source ? IpAddr.FromIPAddress(source) : IpAddr.None,
        Mtu = route.Mtu ?? 0,
    });

    /// <inheritdoc/>
    public void Delete(Route route) => host.Routes.Remove(PrefixOf(route));

    /// <inheritdoc/>
    public IEnumerable<Prefix> NetworksOf(int linkIndex) => host.InterfaceOrNull((uint)linkIndex)?.Networks ?? [];

    private static Prefix PrefixOf(Route route) => new(IpAddr.FromIPAddress(route.Destination.BaseAddress), route.Destination.PrefixLength);
}
