using System.Net;
using System.Net.NetworkInformation;
using Cilium.Core;
using Cilium.Netlink;

namespace Cilium.Hosts.Cni.Devices;

/// <summary>Pod devices as veth pairs, by netlink: one socket in each of the two namespaces.</summary>
internal sealed class VethPodNetwork : IPodNetwork
{
    public CreatedDevice Create(PodDevice device, string namespacePath)
    {
        using var podNamespace = NetworkNamespace.Open(namespacePath);
        using var host = RouteNetlink.Open();
        var hostSide = new LinkSettings
        {
            Name = device.HostName,
            Mac = Physical(device.HostMac),
            Mtu = device.DeviceMtu,
            IsUp = true,
            GsoMaxSize = device.GsoMaxSize > 0 ? device.GsoMaxSize : null,
            GroMaxSize = device.GroMaxSize > 0 ? device.GroMaxSize : null,
        };
        // The kernel refuses to create the second half of a pair up (ENOTCONN: its peer is not linked yet), so it is raised from inside.
        var podSide = hostSide with { Name = device.PodName, Mac = Physical(device.PodMac), Namespace = podNamespace, IsUp = null };
        try
        {
            host.CreateVeth(hostSide, podSide);
        }
        catch (NetlinkException exception) when (exception.IsExists && host.DeleteLink(device.HostName))
        {
            host.CreateVeth(hostSide, podSide);
        }

        var index = LinkIndex.Find(device.HostName)
            ?? throw new InvalidOperationException($"{device.HostName} vanished while it was set up");
        // Replies to pods leave by redirection, so the reverse path of the device is not what the routing table says.
        Sysctl.Write($"net/ipv4/conf/{device.HostName}/rp_filter", "0");
        Sysctl.Write($"net/ipv4/conf/{device.HostName}/forwarding", "1");
        SwitchIPv6(device, device.HostName);
        return new CreatedDevice(index, podNamespace.Run(() => SetUpPodSide(device)));
    }

    public bool Delete(string hostName)
    {
        using var host = RouteNetlink.Open();
        return host.DeleteLink(hostName);
    }

    public string? Check(string namespacePath, string podName, IReadOnlyList<IpAddr> addresses)
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

        return null;
    }

    // Without an address of the family its link-local traffic would only be dropped and reported, on either side. A kernel without the family has no setting.
    private static void SwitchIPv6(PodDevice device, string name)
    {
        var hasIPv6 = device.Addresses.Any(entry => entry.Address.IsIPv6);
        if (hasIPv6 || Directory.Exists("/proc/sys/net/ipv6"))
        {
            Sysctl.Write($"net/ipv6/conf/{name}/disable_ipv6", hasIPv6 ? "0" : "1");
        }
    }

    private static ulong SetUpPodSide(PodDevice device)
    {
        using var pod = RouteNetlink.Open();
        var index = LinkIndex.Find(device.PodName)
            ?? throw new InvalidOperationException($"{device.PodName} vanished from the pod's namespace while it was set up");
        SwitchIPv6(device, device.PodName);
        pod.ChangeLink(index, new LinkSettings { IsUp = true });
        if (LinkIndex.Find("lo") is { } loopback)
        {
            pod.ChangeLink(loopback, new LinkSettings { IsUp = true });
        }

        foreach (var (address, gateway) in device.Addresses)
        {
            pod.AddAddress(new InterfaceAddress(index, address.ToIPAddress(), address.BitLength));
            var router = gateway.ToIPAddress();
            pod.ReplaceRoute(new Route
            {
                Destination = new IPNetwork(router, gateway.BitLength),
                LinkIndex = index,
                Scope = gateway.IsIPv4 ? RouteScope.Link : null,
            });
            pod.ReplaceRoute(new Route
            {
                Destination = new IPNetwork(gateway.IsIPv4 ? IPAddress.Any : IPAddress.IPv6Any, 0),
                Gateway = router,
                LinkIndex = index,
                Mtu = device.RouteMtu > 0 ? device.RouteMtu : null,
            });
        }

        return NetworkNamespace.ReadCurrentCookie();
    }

    private static PhysicalAddress Physical(MacAddress address)
    {
        var octets = new byte[6];
        address.WriteBytes(octets);
        return new PhysicalAddress(octets);
    }
}
