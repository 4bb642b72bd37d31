using System.Net;
using System.Net.Sockets;
using Cilium.Netlink;

namespace Cilium.DatapathTests;

/// <summary>Addresses of a namespace that its sockets reach each other by.</summary>
internal static class LoopbackAddresses
{
    /// <summary>Adds them to the loopback device, and waits until the kernel routes to them: for IPv6 it begins a moment after the addresses are there.</summary>
    internal static void Add(NetworkNamespace space, RouteNetlink netlink, params string[] addresses)
    {
        foreach (var address in addresses.Select(IPAddress.Parse))
        {
            netlink.AddAddress(new InterfaceAddress(1, address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128));
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
                Assert.True(SpinWait.SpinUntil(() => space.Run(() => IsLocal(address)), TimeSpan.FromSeconds(30)), $"the kernel does not route to {address}");
        }
    }

    // Destination, its length, six fields, flags (of local routes 0x80000000), device.
    private static bool IsLocal(IPAddress address)
    {
        var destination = Convert.ToHexStringLower(address.GetAddressBytes());
        return File.ReadLines("/proc/thread-self/net/ipv6_route").Any(line => line.StartsWith(destination, StringComparison.Ordinal)
            && line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, "80", _, _, _, _, _, _, ['8', ..], "lo"]);
    }
}
