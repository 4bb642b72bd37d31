using System.Net;
using Cilium.Datapath.Kernel;
using Cilium.Netlink;

namespace Cilium.Datapath.Endpoints;

/// <summary>Pods' devices on the running kernel.</summary>
/// <param name="links">The programs on them.</param>
/// <param name="netlink">The node's namespace.</param>
/// <param name="paths">Where links are pinned.</param>
/// <param name="uplinks">Rules of pods that leave by a device of their own.</param>
/// <param name="hasRoutes">Whether each pod has routes of its own (<c>enable-endpoint-routes</c>).</param>
internal sealed class KernelPodDevices(PodLinks links, RouteNetlink netlink, PinPaths paths, PodUplinks uplinks, bool hasRoutes) : IPodDevices
{
    private const string PodDevicePrefix = "lxc";

    /// <inheritdoc/>
    public void Attach(EndpointRow row, EndpointRow? before)
    {
        links.Attach(row.Id, row.InterfaceIndex);
        uplinks.Attach(row, before);
        if (!hasRoutes)
            return;
        var wanted = RoutesOf(row).ToList();
        if (before is not null && before.InterfaceIndex == row.InterfaceIndex && wanted.SequenceEqual(RoutesOf(before)))
            return;
        foreach (var route in wanted)
            netlink.ReplaceRoute(route);
        foreach (var route in before is null ? [] : RoutesOf(before).Where(route => !wanted.Exists(other => other.Destination == route.Destination)))
            netlink.DeleteRoute(route);
    }

    /// <inheritdoc/>
    public void Remove(EndpointRow row)
    {
        // The pod's namespace usually took the device along; a pod that keeps running loses its network here, as it should. The
        // device goes before its links, which then end without a grace period each.
        if (netlink.FindLink(row.InterfaceIndex) is { } link && link.Name == row.InterfaceName)
            netlink.DeleteLink(link.Index);
        uplinks.Remove(row);
        links.Remove(row.Id);
    }

    /// <inheritdoc/>
    public void RemoveDevice(int ifindex)
    {
        if (netlink.FindLink(ifindex) is { Kind: "veth" } link && link.Name.StartsWith(PodDevicePrefix, StringComparison.Ordinal))
            netlink.DeleteLink(ifindex);
    }

    /// <inheritdoc/>
    public void Prune(IReadOnlyCollection<EndpointRow> endpoints)
    {
        uplinks.Prune(endpoints);
        var folders = endpoints.Select(row => paths.Endpoint(row.Id)).ToHashSet();
        if (!Directory.Exists(paths.Endpoints))
            return;
        foreach (var folder in Directory.GetDirectories(paths.Endpoints).Where(folder => !folders.Contains(folder)))
            PinPaths.RemoveFolder(folder);
    }

    // They go with the device.
    private static IEnumerable<Route> RoutesOf(EndpointRow row) => new[] { row.IPv4, row.IPv6 }.Where(address => !address.IsNone).Select(address => new Route
    {
        Destination = new IPNetwork(address.ToIPAddress(), address.BitLength),
        LinkIndex = row.InterfaceIndex,
        Protocol = RouteProtocol.Kernel,
        Scope = address.IsIPv4 ? RouteScope.Link : null,
        Priority = address.IsIPv4 ? null : 1024,
    });
}
