using Cilium.Core;

namespace Cilium.VirtualNetwork;

/// <summary>The routes of a namespace: the longest prefix decides, and of equal ones the one that was added last.</summary>
public sealed class RouteTable
{
    private const int Bits = 128;
    private readonly Dictionary<Prefix, VirtualRoute>?[] _byLength = new Dictionary<Prefix, VirtualRoute>?[Bits + 1];

    /// <summary>All routes.</summary>
    public IEnumerable<VirtualRoute> All => _byLength.Where(routes => routes is not null).SelectMany(routes => routes!.Values);

    /// <summary>Adds a route, or replaces the one with this destination.</summary>
    public void Add(VirtualRoute route)
    {
        ArgumentNullException.ThrowIfNull(route);
        (_byLength[route.Destination.Length128] ??= [])[route.Destination] = route;
    }

    /// <summary>Removes the route with a destination; false when there is none.</summary>
    public bool Remove(Prefix destination) => _byLength[destination.Length128]?.Remove(destination) ?? false;

    /// <summary>The route to an address, or null.</summary>
    public VirtualRoute? Find(IpAddr address)
    {
        var shortest = address.IsIPv4 ? 96 : 0;
        for (var length = Bits; length >= shortest; length--)
        {
            if (_byLength[length] is { Count: > 0 } routes
                && routes.TryGetValue(new Prefix(address, address.IsIPv4 ? length - 96 : length), out var route)
                && route.Interface.IsUp)
            {
                return route;
            }
        }
        return null;
    }

    internal void RemoveBy(VirtualInterface device)
    {
        foreach (var routes in _byLength)
        {
            foreach (var route in routes?.Values.Where(route => ReferenceEquals(route.Interface, device)).ToArray() ?? [])
                routes!.Remove(route.Destination);
        }
    }
}
