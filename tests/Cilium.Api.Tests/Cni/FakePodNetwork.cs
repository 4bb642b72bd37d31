using System.Collections.Concurrent;
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

    public string? Check(string namespacePath, string podName, IReadOnlyList<IpAddr> addresses)
    {
        var device = Devices.Values.FirstOrDefault(entry => entry.PodName == podName);
        return device is null
            ? "no device"
            : addresses.Except(device.Addresses.Select(entry => entry.Address)).Select(address => $"no {address}").FirstOrDefault();
    }
}
