using System.Net;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.Devices;
using Cilium.Netlink;

namespace Cilium.Datapath.Nodes;

/// <summary>Carries routes to other nodes' pods to the main table: in tunnel mode through cilium_host, which hands them to the tunnel.</summary>
internal sealed class NodeOperations(RouteNetlink netlink, LocalNodeRow local, NodeNetwork network, DatapathOptions options)
    : IReconcilerOperations<string, NodeRow>
{
    /// <inheritdoc/>
    public ValueTask ApplyAsync(ReconcileBatch<string, NodeRow> batch, CancellationToken cancellationToken)
    {
        foreach (var change in batch.Changes)
        {
            try
            {
                var wanted = RoutesTo(change.Current).ToList();
                foreach (var route in wanted)
                    netlink.ReplaceRoute(route);
                foreach (var route in RoutesTo(change.Previous).Where(old => wanted.TrueForAll(now => now.Destination != old.Destination)))
                    netlink.DeleteRoute(route);
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
            .Concat(local.PodPrefixes.Select(prefix => new IPNetwork(prefix.Address.ToIPAddress(), prefix.Length)))
            .ToHashSet();
        foreach (var route in netlink.Routes(table: Route.MainTable))
        {
            if (route.LinkIndex == network.Host.Index && !wanted.Contains(route.Destination) && !IsOwn(route))
                netlink.DeleteRoute(route);
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
        if (node is null || !options.EnableTunnel)
            yield break;
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
}
