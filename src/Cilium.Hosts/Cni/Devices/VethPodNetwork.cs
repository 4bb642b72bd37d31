using Cilium.Core;
using Cilium.Netlink;

namespace Cilium.Hosts.Cni.Devices;

/// <summary>Pod devices as veth pairs, by netlink.</summary>
internal sealed class VethPodNetwork : IPodNetwork
{
    public CreatedDevice Create(PodDevice device, string namespacePath)
    {
        using var podNamespace = NetworkNamespace.Open(namespacePath);
        var (index, cookie) = new VethPair
        {
            Name = device.HostName,
            PeerName = device.PodName,
            Mac = device.HostMac.ToPhysicalAddress(),
            PeerMac = device.PodMac.ToPhysicalAddress(),
            DeviceMtu = device.DeviceMtu,
            RouteMtu = device.RouteMtu,
            GsoMaxSize = device.GsoMaxSize,
            GroMaxSize = device.GroMaxSize,
            Addresses = [.. device.Addresses.Select(entry => (entry.Address.ToIPAddress(), entry.Gateway.ToIPAddress()))],
        }.Create(podNamespace);
        return new CreatedDevice(index, cookie);
    }

    public bool Delete(string hostName)
    {
        using var host = RouteNetlink.Open();
        return host.DeleteLink(hostName);
    }

    public string? Check(string namespacePath, string podName, IReadOnlyList<IpAddr> addresses, IReadOnlyList<(Prefix Destination, IpAddr Gateway)> routes)
    {
        if (!File.Exists(namespacePath))
        {
            return $"the network namespace {namespacePath} does not exist";
        }

        using var podNamespace = NetworkNamespace.Open(namespacePath);
        using var pod = RouteNetlink.Open(podNamespace);
        if (pod.FindLink(podName) is not { } link)
        {
            return $"there is no device {podName} in {namespacePath}";
        }

        if (!link.IsUp)
        {
            return $"device {podName} is down";
        }

        var present = pod.Addresses(link.Index).Select(entry => IpAddr.FromIPAddress(entry.Address)).ToHashSet();
        foreach (var address in addresses)
        {
            if (!present.Contains(address))
            {
                return $"device {podName} has no address {address}";
            }
        }

        // The result is of the whole chain: other plugins' routes may lead over other devices.
        return MissingRoute(pod.Routes(table: Route.MainTable), routes) is var (destination, gateway)
            ? $"there is no route to {destination}{(gateway.IsNone ? "" : $" by {gateway}")} in {namespacePath}"
            : null;
    }

    /// <summary>The first of the wanted routes that is not among those present, or null.</summary>
    internal static (Prefix Destination, IpAddr Gateway)? MissingRoute(IEnumerable<Route> present, IReadOnlyList<(Prefix Destination, IpAddr Gateway)> wanted)
    {
        var known = present.Select(route => (
            Destination: new Prefix(IpAddr.FromIPAddress(route.Destination.BaseAddress), route.Destination.PrefixLength),
            Gateway: route.Gateway is null ? IpAddr.None : IpAddr.FromIPAddress(route.Gateway))).ToList();
        foreach (var route in wanted)
        {
            if (!known.Exists(other => other.Destination == route.Destination && (route.Gateway.IsNone || other.Gateway == route.Gateway)))
            {
                return route;
            }
        }

        return null;
    }
}
