using Cilium.Core;
using Cilium.Netlink;

namespace Cilium.ControlPlane.Nodes;

/// <summary>The devices of the node's network namespace, as the agent must ask about them. A seam: the kernel.</summary>
public interface ILocalDevices
{
    /// <summary>The names of all devices by kernel index.</summary>
    IReadOnlyDictionary<int, string> All();

    /// <summary>The device that has an address, or null.</summary>
    string? DeviceOf(IpAddr address);

    /// <summary>The addresses of a device; none when there is no such device.</summary>
    IReadOnlyList<IpAddr> AddressesOf(string name);
}

/// <summary>Asks by netlink.</summary>
public sealed class NetlinkLocalDevices : ILocalDevices
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<int, string> All()
    {
        using var route = RouteNetlink.Open();
        return route.Links().ToDictionary(link => link.Index, link => link.Name);
    }

    /// <inheritdoc/>
    public string? DeviceOf(IpAddr address)
    {
        using var route = RouteNetlink.Open();
        var index = route.Addresses().Find(entry => IpAddr.FromIPAddress(entry.Address) == address)?.LinkIndex;
        return index is { } known ? route.FindLink(known)?.Name : null;
    }

    /// <inheritdoc/>
    public IReadOnlyList<IpAddr> AddressesOf(string name)
    {
        using var route = RouteNetlink.Open();
        return route.FindLink(name) is { } link ? [.. route.Addresses(link.Index).Select(entry => IpAddr.FromIPAddress(entry.Address))] : [];
    }
}
