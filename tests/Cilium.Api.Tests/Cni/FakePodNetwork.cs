using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Cilium.Core;
using Cilium.Hosts.Cni.Devices;
using Cilium.Netlink;

namespace Cilium.Api.Tests.Cni;

/// <summary>A kernel that only remembers.</summary>
internal sealed class FakePodNetwork : IPodNetwork
{
    public ConcurrentDictionary<string, PodDevice> Devices { get; } = [];

    public bool FailsToCreate { get; set; }

    public CreatedDevice Create(PodDevice device, string namespacePath)
    {
        if (FailsToCreate)
        {
            throw new NetlinkException("RTM_NEWLINK", 1, device.HostName);
        }

        Devices[device.HostName] = device;
        return new CreatedDevice(Devices.Count + 100, 4711);
    }

    public bool Delete(string hostName) => Devices.TryRemove(hostName, out _);

    public string? Check(string namespacePath, string podName, IReadOnlyList<IpAddr> addresses, IReadOnlyList<(Prefix Destination, IpAddr Gateway)> routes)
    {
        var device = Devices.Values.FirstOrDefault(entry => entry.PodName == podName);
        if (device is null) return "no device";
        return addresses.Except(device.Addresses.Select(entry => entry.Address)).Select(address => $"no {address}").FirstOrDefault()
            ?? (VethPodNetwork.MissingRoute(RoutesOf(device), routes) is { } route ? $"no {route}" : null);
    }

    /// <summary>The routes that <see cref="VethPair"/> makes, as the kernel lists them.</summary>
    private static IEnumerable<Route> RoutesOf(PodDevice device)
    {
        foreach (var gateway in device.Addresses.Select(entry => entry.Gateway.ToIPAddress()))
        {
            var isIPv4 = gateway.AddressFamily == AddressFamily.InterNetwork;
            yield return new Route { Destination = new IPNetwork(gateway, isIPv4 ? 32 : 128) };
            yield return new Route { Destination = new IPNetwork(isIPv4 ? IPAddress.Any : IPAddress.IPv6Any, 0), Gateway = gateway };
        }
    }
}
