using System.Net.Sockets;
using Cilium.Netlink.Messages;

namespace Cilium.Netlink;

/// <summary>
/// The devices, addresses, routes, rules and neighbours of one network namespace. It keeps to the namespace it was opened in,
/// whatever thread uses it; one thread at a time. Deleting the absent answers false; other refusals are <see cref="NetlinkException"/>.
/// </summary>
public sealed class RouteNetlink : IDisposable
{
    private const int NoDevice = 19;
    private readonly NetlinkSocket _socket;
    private readonly MessageWriter _writer = new();

    private RouteNetlink(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens the calling thread's namespace.</summary>
    public static RouteNetlink Open() => new(NetlinkSocket.Open());

    /// <summary>Opens another namespace, without moving the calling thread.</summary>
    public static RouteNetlink Open(NetworkNamespace ns) => new(ns.Run(NetlinkSocket.Open));

    /// <summary>Closes the socket.</summary>
    public void Dispose() => _socket.Dispose();

    /// <summary>All devices.</summary>
    public List<Link> Links() => _socket.Dump<Link>(
        writer =>
        {
            LinkMessages.WriteBody(writer.Begin(Rtm.GetLink, 0), 0, null);
            writer.Attribute(Ifla.ExtendedMask, Ifla.NoStatistics);
        },
        static (type, payload, links) => Add(links, type == Rtm.NewLink ? LinkMessages.Parse(payload) : null),
        "RTM_GETLINK");

    /// <summary>The device with a name, or null.</summary>
    public Link? FindLink(string name)
    {
        LinkMessages.WriteBody(_writer.Begin(Rtm.GetLink, 0), 0, null);
        return FindLink(_writer.Attribute(Ifla.ExtendedMask, Ifla.NoStatistics).Attribute(Ifla.Name, name), name);
    }

    /// <summary>The device with an index, or null.</summary>
    public Link? FindLink(int index)
    {
        LinkMessages.WriteBody(_writer.Begin(Rtm.GetLink, 0), index, null);
        return FindLink(_writer.Attribute(Ifla.ExtendedMask, Ifla.NoStatistics), $"ifindex {index}");
    }

    /// <summary>Creates a pair of devices in one request: one here, the peer here or in the namespace its settings name.</summary>
    /// <exception cref="NetlinkException">A name exists already (<see cref="NetlinkException.IsExists"/>), or another refusal.</exception>
    /// <exception cref="ArgumentException">The peer is to be up in another namespace: bring it up from there, when it exists.</exception>
    public void CreateVeth(LinkSettings settings, LinkSettings peer)
    {
        if (peer is { IsUp: true } and ({ Namespace: not null } or { NamespaceOfProcess: not null }))
            throw new ArgumentException("a peer in another namespace is created down", nameof(peer));
        LinkMessages.WriteVeth(_writer.Begin(Rtm.NewLink, Nl.Create | Nl.Exclusive), settings, peer);
        _socket.Execute(_writer, "RTM_NEWLINK", $"veth {settings.Name}/{peer.Name}");
        GC.KeepAlive(peer.Namespace);
        if (peer.IsUp == true && FindLink(peer.Name!) is { } created)
            ChangeLink(created.Index, new LinkSettings { IsUp = true });
    }

    /// <summary>Creates a VXLAN device that takes the tunnel from each packet's metadata.</summary>
    /// <param name="settings">Name and the rest.</param>
    /// <param name="port">UDP port, in host order.</param>
    public void CreateVxlan(LinkSettings settings, int port)
    {
        LinkMessages.WriteVxlan(_writer.Begin(Rtm.NewLink, Nl.Create | Nl.Exclusive), settings, port);
        _socket.Execute(_writer, "RTM_NEWLINK", $"vxlan {settings.Name}");
    }

    /// <summary>Creates a bridge.</summary>
    public void CreateBridge(LinkSettings settings)
    {
        LinkMessages.WriteKind(_writer.Begin(Rtm.NewLink, Nl.Create | Nl.Exclusive), settings, "bridge");
        _socket.Execute(_writer, "RTM_NEWLINK", $"bridge {settings.Name}");
    }

    /// <summary>Changes a device; what the settings leave null stays.</summary>
    public void ChangeLink(int index, LinkSettings settings)
    {
        LinkMessages.WriteBody(_writer.Begin(Rtm.NewLink, 0), index, settings.IsUp, settings.UsesArp);
        LinkMessages.WriteSettings(_writer, settings);
        _socket.Execute(_writer, "RTM_NEWLINK", $"ifindex {index}");
        GC.KeepAlive(settings.Namespace);
    }

    /// <summary>Deletes a device, and with it the peer of a veth pair.</summary>
    public bool DeleteLink(int index)
    {
        LinkMessages.WriteBody(_writer.Begin(Rtm.DeleteLink, 0), index, null);
        return ExecuteDelete("RTM_DELLINK", $"ifindex {index}");
    }

    /// <summary>Deletes the device with a name.</summary>
    public bool DeleteLink(string name)
    {
        LinkMessages.WriteBody(_writer.Begin(Rtm.DeleteLink, 0), 0, null);
        _writer.Attribute(Ifla.Name, name);
        return ExecuteDelete("RTM_DELLINK", name);
    }

    /// <summary>Addresses of all devices, or of one.</summary>
    public List<InterfaceAddress> Addresses(int linkIndex = 0) => _socket.Dump<InterfaceAddress>(
        writer => writer.Begin(Rtm.GetAddress, 0).Byte(0).Byte(0).Byte(0).Byte(0).I32(linkIndex),
        static (type, payload, rows) => Add(rows, type == Rtm.NewAddress ? AddressMessages.Parse(payload) : null),
        "RTM_GETADDR");

    /// <summary>Adds an address; one that is there is success.</summary>
    public void AddAddress(InterfaceAddress address)
    {
        AddressMessages.Write(_writer.Begin(Rtm.NewAddress, Nl.Create | Nl.Replace), address);
        _socket.Execute(_writer, "RTM_NEWADDR", $"{address.Address}/{address.PrefixLength} on ifindex {address.LinkIndex}");
    }

    /// <summary>Removes an address.</summary>
    public bool DeleteAddress(InterfaceAddress address)
    {
        AddressMessages.Write(_writer.Begin(Rtm.DeleteAddress, 0), address);
        return ExecuteDelete("RTM_DELADDR", $"{address.Address} on ifindex {address.LinkIndex}");
    }

    /// <summary>Routes of a family, of all tables or one. The kernel's copies for local addresses are in table 255.</summary>
    public List<Route> Routes(AddressFamily family = AddressFamily.Unspecified, int table = 0) => _socket.Dump<Route>(
        writer =>
        {
            writer.Begin(Rtm.GetRoute, 0).Byte(Families.Number(family)).Byte(0).Byte(0).Byte(0)
                .Byte((byte)(table < 256 ? table : 0)).Byte(0).Byte(0).Byte(0).U32(0);
            if (table >= 256)
                writer.Attribute(Attr.RouteTable, (uint)table);
        },
        (type, payload, rows) => Add(rows, type == Rtm.NewRoute && RouteMessages.Parse(payload) is { } route
            && (table == 0 || route.Table == table) ? route : null),
        "RTM_GETROUTE");

    /// <summary>Adds a route or replaces the one with the same destination, table and priority.</summary>
    public void ReplaceRoute(Route route)
    {
        RouteMessages.Write(_writer.Begin(Rtm.NewRoute, Nl.Create | Nl.Replace), route);
        _socket.Execute(_writer, "RTM_NEWROUTE", Describe(route));
    }

    /// <summary>Removes a route.</summary>
    public bool DeleteRoute(Route route)
    {
        RouteMessages.Write(_writer.Begin(Rtm.DeleteRoute, 0), route);
        return ExecuteDelete("RTM_DELROUTE", Describe(route));
    }

    /// <summary>Rules of a family.</summary>
    public List<RoutingRule> Rules(AddressFamily family) => _socket.Dump<RoutingRule>(
        writer => writer.Begin(Rtm.GetRule, 0).Byte(Families.Number(family)).Byte(0).U16(0).U32(0).U32(0),
        static (type, payload, rows) => Add(rows, type == Rtm.NewRule ? RuleMessages.Parse(payload) : null),
        "RTM_GETRULE");

    /// <summary>Adds a rule; an equal one that is there is success.</summary>
    public void AddRule(RoutingRule rule)
    {
        RuleMessages.Write(_writer.Begin(Rtm.NewRule, Nl.Create | Nl.Exclusive), rule);
        var result = _socket.TryExecute(_writer, "RTM_NEWRULE", $"{rule}", out var reason);
        if (result != 0 && new NetlinkException("RTM_NEWRULE", result, $"{rule}", reason) is { IsExists: false } refusal)
            throw refusal;
    }

    /// <summary>Removes a rule.</summary>
    public bool DeleteRule(RoutingRule rule)
    {
        RuleMessages.Write(_writer.Begin(Rtm.DeleteRule, 0), rule);
        return ExecuteDelete("RTM_DELRULE", $"{rule}");
    }

    /// <summary>Neighbours of a family (unspecified: both).</summary>
    public List<Neighbour> Neighbours(AddressFamily family = AddressFamily.Unspecified) => _socket.Dump<Neighbour>(
        writer => writer.Begin(Rtm.GetNeighbour, 0).Byte(Families.Number(family)).Byte(0).U16(0).I32(0).U16(0).Byte(0).Byte(0),
        static (type, payload, rows) => Add(rows, type == Rtm.NewNeighbour ? NeighbourMessages.Parse(payload) : null),
        "RTM_GETNEIGH");

    /// <summary>Adds or replaces a neighbour.</summary>
    public void ReplaceNeighbour(Neighbour neighbour)
    {
        NeighbourMessages.Write(_writer.Begin(Rtm.NewNeighbour, Nl.Create | Nl.Replace), neighbour);
        _socket.Execute(_writer, "RTM_NEWNEIGH", $"{neighbour.Address} on ifindex {neighbour.LinkIndex}");
    }

    /// <summary>Removes a neighbour.</summary>
    public bool DeleteNeighbour(Neighbour neighbour)
    {
        NeighbourMessages.Write(_writer.Begin(Rtm.DeleteNeighbour, 0), neighbour);
        return ExecuteDelete("RTM_DELNEIGH", $"{neighbour.Address} on ifindex {neighbour.LinkIndex}");
    }

    private static string Describe(Route route) => $"{route.Destination} via {route.Gateway} ifindex {route.LinkIndex} table {route.Table}";

    private static void Add<T>(List<T> rows, T? row)
        where T : class
    {
        if (row is not null)
            rows.Add(row);
    }

    private Link? FindLink(MessageWriter request, string target)
    {
        var found = new List<Link>(1);
        var result = _socket.TryGet(
            request, static (type, payload, links) => Add(links, type == Rtm.NewLink ? LinkMessages.Parse(payload) : null), found, "RTM_GETLINK", target);
        return result switch
        {
            0 => found.Count > 0 ? found[0] : null,
            NoDevice => null,
            _ => throw new NetlinkException("RTM_GETLINK", result, target),
        };
    }

    private bool ExecuteDelete(string call, string target)
    {
        var result = _socket.TryExecute(_writer, call, target, out var reason);
        if (result == 0)
            return true;
        var refusal = new NetlinkException(call, result, target, reason);
        return refusal.IsNotFound ? false : throw refusal;
    }
}
