using Cilium.Bpf;
using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;
using Cilium.Datapath.Nodes;
using Cilium.Netlink;

namespace Cilium.Datapath.Devices;

/// <summary>Chooses, of each native device and family, the address that pods have which leave by it.</summary>
internal static class MasqueradeAddresses
{
    /// <summary>Makes these devices, and no others, known.</summary>
    /// <exception cref="MapFullException">There are more devices than the map has places.</exception>
    internal static void WriteTo(
        BpfMap<uint, DeviceAddresses> map, LocalNodeRow node, IEnumerable<int> devices, IReadOnlyList<InterfaceAddress> addresses)
    {
        var present = map.ToDictionary();
        var wanted = devices.ToDictionary(
            device => (uint)device,
            device =>
            {
                var former = present.GetValueOrDefault((uint)device);
                var own = addresses.Where(address => address.LinkIndex == device && address is { Scope: RouteScope.Universe, IsTentative: false }).ToList();
                return new DeviceAddresses(
                    Choose(own, node.IPv4, former.IPv4.ToIpAddr(), address => address.IsIPv4).ToMap(),
                    Choose(own, node.IPv6, former.IPv6.ToIpAddr(), address => address.IsIPv6).ToMap());
            });
        foreach (var device in present.Keys.Where(device => !wanted.ContainsKey(device)))
            map.Delete(device);
        uint[] changed = [.. wanted.Where(entry => !present.TryGetValue(entry.Key, out var former) || former != entry.Value).Select(entry => entry.Key)];
        MapFullException.ThrowIfShort(map, changed, changed.Select(device => wanted[device]).ToArray());
    }

    // The node's own first, then what connections have already, then the kernel's first, by which the node itself speaks.
    private static IpAddr Choose(List<InterfaceAddress> own, IpAddr node, IpAddr former, Func<IpAddr, bool> isOfFamily) => own
        .OrderBy(address => address.IsSecondary)
        .Select(address => IpAddr.FromIPAddress(address.Address))
        .Where(isOfFamily)
        .OrderBy(address => address == node ? 0 : address == former ? 1 : 2)
        .FirstOrDefault();
}
