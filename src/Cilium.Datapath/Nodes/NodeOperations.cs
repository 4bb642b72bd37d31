using System.Net;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.Devices;
using Cilium.Netlink;
using Microsoft.Extensions.Logging;

namespace Cilium.Datapath.Nodes;

/// <summary>
/// Carries routes to other nodes' pods to the main table: in tunnel mode through cilium_host, which hands them to the tunnel; in native mode, when
/// asked for, through the nodes' addresses, as far as these are on a link of this node.
/// </summary>
internal sealed partial class NodeOperations(INodeRoutes routes, LocalNodeRow local, NodeNetwork network, DatapathOptions options, ILogger logger)
    : IReconcilerOperations<string, NodeRow>
{
    private readonly HashSet<string> _told = [];

    /// <inheritdoc/>
    public ValueTask ApplyAsync(ReconcileBatch<string, NodeRow> batch, CancellationToken cancellationToken)
    {
        foreach (var change in batch.Changes)
        {
            try
            {
                var wanted = RoutesTo(change.Current).ToList();
                foreach (var route in wanted)
                    routes.Replace(route);
                foreach (var route in RoutesTo(change.Previous).Where(old => wanted.TrueForAll(now => now.Destination != old.Destination)))
                    routes.Delete(route);
            }
            catch (NetlinkException refusal)
            {
                batch.Fail(change.Key, refusal);
            }
        }
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask PruneAsync(TableSnapshot<string, NodeRow> desired, CancellationToken cancellationToken)
    {
        var wanted = desired.Values.SelectMany(RoutesTo).Select(route => route.Destination)
            .Concat((options.EnableEndpointRoutes ? [] : local.PodPrefixes).Select(prefix => new IPNetwork(prefix.Address.ToIPAddress(), prefix.Length)))
            .ToHashSet();
        foreach (var route in routes.All())
        {
            if ((route.LinkIndex == network.Host.Index || IsDirect(route)) && !wanted.Contains(route.Destination) && !IsOwn(route))
                routes.Delete(route);
        }
        return ValueTask.CompletedTask;
    }

    // The gateway's own address and the kernel's link-local and multicast routes.
    private bool IsOwn(Route route)
    {
        var address = IpAddr.FromIPAddress(route.Destination.BaseAddress);
        return address == local.RouterIPv4 || address == local.RouterIPv6
            || route.Destination.BaseAddress.IsIPv6LinkLocal || route.Destination.BaseAddress.IsIPv6Multicast || route.Type != RouteType.Unicast;
    }

    private IEnumerable<Route> RoutesTo(NodeRow? node)
    {
        if (node is null)
            yield break;
        if (!options.EnableTunnel)
        {
            foreach (var route in DirectRoutesTo(node))
                yield return route;
            yield break;
        }
        // A gateway is usually inside its pod range, whose route then leads to it too.
        var gateways = node.RouterAddresses
            .Where(router => !router.IsNone && !node.PodPrefixes.Any(prefix => prefix.Contains(router)))
            .Select(Prefix.Of);
        foreach (var prefix in node.PodPrefixes.Concat(gateways).Where(prefix => prefix.IsIPv4 ? options.EnableIPv4 : options.EnableIPv6))
        {
            if (NodeDevices.PodRoute(local, network, prefix, network.RouteMtu) is { } route)
                yield return route;
        }
    }

    // The kernel's own routes have no gateway: those that say so are of a former node row.
    private bool IsDirect(Route route) =>
        !options.EnableTunnel && options.EnableDirectNodeRoutes && route is { Protocol: RouteProtocol.Kernel, Gateway: not null }
        && network.Underlay.Any(link => link.Index == route.LinkIndex);

    private IEnumerable<Route> DirectRoutesTo(NodeRow node)
    {
        if (!options.EnableDirectNodeRoutes)
            yield break;
        foreach (var prefix in node.PodPrefixes.Where(prefix => prefix.IsIPv4 ? options.EnableIPv4 : options.EnableIPv6))
        {
            var gateway = prefix.IsIPv4 ? node.IPv4 : node.IPv6;
            if (gateway.IsNone)
                continue;
            if (LinkOf(gateway) is not { } link)
            {
                // A route through a router would be bogus: the router does not know the pods.
                if (_told.Add(node.Name))
                    LogNotOnLink(logger, node.Name, gateway);
                continue;
            }
            yield return new Route
            {
                Destination = new IPNetwork(prefix.Address.ToIPAddress(), prefix.Length),
                Gateway = gateway.ToIPAddress(),
                LinkIndex = link,
                Protocol = RouteProtocol.Kernel,
                Priority = prefix.IsIPv4 ? null : 1024,
            };
        }
    }

    private int? LinkOf(IpAddr gateway)
    {
        foreach (var link in network.Underlay)
        {
            if (routes.NetworksOf(link.Index).Any(network => network.Contains(gateway)))
                return link.Index;
        }
        return null;
    }

    [LoggerMessage(1, LogLevel.Warning,
        "auto-direct-node-routes: node {Node} ({Address}) is on no link of this node, so there is no route to its pods; a router or BGP must know them")]
    private static partial void LogNotOnLink(ILogger logger, string node, IpAddr address);
}
