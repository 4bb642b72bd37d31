using Cilium.Core;
using Cilium.Netlink;

namespace Cilium.Datapath.Nodes;

/// <summary>The main routing table of this node, and the networks of its devices.</summary>
internal interface INodeRoutes
{
    /// <summary>All routes.</summary>
    IEnumerable<Route> All();

    /// <summary>Adds a route, or replaces the one to its destination.</summary>
    void Replace(Route route);

    /// <summary>Deletes a route; one that is not there is deleted.</summary>
    void Delete(Route route);

    /// <summary>The networks that a device has addresses in.</summary>
    IEnumerable<Prefix> NetworksOf(int linkIndex);
}

/// <summary>Those of the running kernel.</summary>
internal sealed class KernelNodeRoutes(RouteNetlink netlink) : INodeRoutes
{
    /// <inheritdoc/>
    public IEnumerable<Route> All() => netlink.Routes(table: Route.MainTable);

    /// <inheritdoc/>
    public void Replace(Route route) => netlink.ReplaceRoute(route);

    /// <inheritdoc/>
    public void Delete(Route route) => netlink.DeleteRoute(route);

    /// <inheritdoc/>
    public IEnumerable<Prefix> NetworksOf(int linkIndex) =>
        netlink.Addresses(linkIndex).Select(own => new Prefix(IpAddr.FromIPAddress(own.Address), own.PrefixLength));
}
