using System.Net;
using System.Net.Sockets;
using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Netlink;

namespace Cilium.Datapath.Endpoints;

/// <summary>
/// Rules and tables for pods with an uplink: to the pod by the main table, which has its route; from the pod by the table of the device. Idempotent.
/// </summary>
/// <param name="netlink">The node's namespace.</param>
/// <param name="ns">The same, for settings.</param>
internal sealed class PodUplinks(RouteNetlink netlink, NodeNamespace ns)
{
    internal const int ToPodPriority = 20;
    internal const int FromPodPriority = 111;

    /// <summary>Puts a pod's rules in place of those of its earlier row, and the routes of its device.</summary>
    /// <exception cref="UplinkMissingException">The device is not there (yet).</exception>
    internal void Attach(EndpointRow row, EndpointRow? before)
    {
        if (row.Uplink == before?.Uplink && (row.Uplink is null || row.IPv4 == before?.IPv4))
            return;
        var wanted = RulesOf(row).ToList();
        if (row.Uplink is { } uplink)
            EnsureTable(row, uplink);
        // What an earlier agent left counts as well. Old ones go first: to the kernel a rule for some destinations is one for all of them, too,
        // and it would refuse the new one as being there.
        foreach (var rule in (before is null ? PresentOf(row) : RulesOf(before)).Except(wanted).ToList())
            netlink.DeleteRule(rule);
        foreach (var rule in wanted)
            netlink.AddRule(rule);
    }

    /// <summary>Takes a pod's rules away. The table stays: it belongs to the device and goes with it.</summary>
    internal void Remove(EndpointRow row)
    {
        foreach (var rule in RulesOf(row))
            netlink.DeleteRule(rule);
    }

    /// <summary>Takes away the rules of all pods but these.</summary>
    internal void Prune(IEnumerable<EndpointRow> endpoints)
    {
        var wanted = endpoints.SelectMany(RulesOf).ToHashSet();
        foreach (var rule in netlink.Rules(AddressFamily.InterNetwork).Where(rule => IsOurs(rule) && !wanted.Contains(rule)))
            netlink.DeleteRule(rule);
    }

    private IEnumerable<RoutingRule> PresentOf(EndpointRow row)
    {
        if (row.IPv4.IsNone)
            return [];
        var pod = new IPNetwork(row.IPv4.ToIPAddress(), 32);
        return netlink.Rules(AddressFamily.InterNetwork).Where(rule => IsOurs(rule) && (rule.Source ?? rule.Destination) == pod);
    }

    private static bool IsOurs(RoutingRule rule) => rule.Protocol == RouteProtocol.Kernel && rule switch
    {
        { Priority: ToPodPriority, Table: Route.MainTable, Destination.PrefixLength: 32, Source: null } => true,
        { Priority: FromPodPriority, Table: >= PodUplink.FirstTable, Source.PrefixLength: 32 } => true,
        _ => false,
    };

    private static IEnumerable<RoutingRule> RulesOf(EndpointRow row)
    {
        if (row.Uplink is not { } uplink || row.IPv4.IsNone)
            yield break;
        var pod = new IPNetwork(row.IPv4.ToIPAddress(), 32);
        yield return new RoutingRule(AddressFamily.InterNetwork, ToPodPriority, Route.MainTable) { Destination = pod, Protocol = RouteProtocol.Kernel };
        var leaving = new RoutingRule(AddressFamily.InterNetwork, FromPodPriority, uplink.Table) { Source = pod, Protocol = RouteProtocol.Kernel };
        if (uplink.Destinations.Count == 0)
            yield return leaving;
        foreach (var destination in uplink.Destinations)
            yield return leaving with { Destination = new IPNetwork(destination.Address.ToIPAddress(), destination.Length) };
    }

    // The gateway is on the link although the device need not have an address.
    private void EnsureTable(EndpointRow row, PodUplink uplink)
    {
        var link = netlink.Links().Find(link => link.Mac is { } mac && mac.GetAddressBytes() is { Length: 6 } bytes && MacAddress.FromBytes(bytes) == uplink.Device)
            ?? throw new UplinkMissingException(row.Id, uplink.Device);
        if (!link.IsUp)
            netlink.ChangeLink(link.Index, new LinkSettings { IsUp = true });
        // Answers may come in by another device than questions go out.
        ns.Run(() => Sysctl.Write($"net/ipv4/conf/{link.Name}/rp_filter", "0"));
        var gateway = uplink.Gateway.ToIPAddress();
        netlink.ReplaceRoute(new Route
        {
            Destination = new IPNetwork(gateway, 32),
            LinkIndex = link.Index,
            Table = uplink.Table,
            Protocol = RouteProtocol.Kernel,
            Scope = RouteScope.Link,
        });
        netlink.ReplaceRoute(new Route
        {
            Destination = new IPNetwork(IPAddress.Any, 0),
            Gateway = gateway,
            LinkIndex = link.Index,
            Table = uplink.Table,
            Protocol = RouteProtocol.Kernel,
        });
    }
}

/// <summary>A pod's address belongs to an interface whose device is not there (yet).</summary>
internal sealed class UplinkMissingException(EndpointId endpoint, MacAddress device)
    : Exception($"endpoint {endpoint} leaves the node by the device with address {device}, and there is none");
