using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes.Wire;

namespace Cilium.Kubernetes.Decoding;

/// <summary>Decodes what CiliumNodes say about AWS.</summary>
internal static class NodeEniDecoder
{
    public static NodeInstance Instance(CiliumNodeSpecWire spec)
    {
        var eni = spec.Eni ?? new NodeEniSpecWire();
        return new NodeInstance
        {
            Id = spec.InstanceId ?? "",
            Type = eni.InstanceType ?? "",
            Zone = eni.AvailabilityZone ?? "",
            Network = eni.VpcId ?? "",
            SubnetId = eni.NodeSubnetId ?? "",
            FirstInterfaceIndex = eni.FirstInterfaceIndex ?? 0,
            SecurityGroups = (eni.SecurityGroups ?? []).ToEquatableArray(),
            SecurityGroupTags = StringMap.Create(eni.SecurityGroupTags),
            SubnetIds = (eni.SubnetIds ?? []).ToEquatableArray(),
            SubnetTags = StringMap.Create(eni.SubnetTags),
            ExcludedTags = StringMap.Create(eni.ExcludeInterfaceTags),
            DeletesOnTermination = eni.DeleteOnTermination ?? true,
            DisablesPrefixes = eni.DisablePrefixDelegation ?? false,
        };
    }

    public static AddressWatermarks Watermarks(CiliumNodeIpamWire? ipam)
    {
        var defaults = new AddressWatermarks();
        return new AddressWatermarks
        {
            PreAllocate = ipam?.PreAllocate ?? defaults.PreAllocate,
            MinAllocate = ipam?.MinAllocate ?? defaults.MinAllocate,
            MaxAllocate = ipam?.MaxAllocate ?? defaults.MaxAllocate,
            MaxAboveWatermark = ipam?.MaxAboveWatermark ?? defaults.MaxAboveWatermark,
        };
    }

    public static EquatableArray<NodeEni> Interfaces(NodeEniStatusWire? status) =>
        (status?.Enis ?? []).Where(pair => pair.Value is not null).Select(pair => Interface(pair.Key, pair.Value!))
            .OrderBy(found => found.Number).ThenBy(found => found.Id, StringComparer.Ordinal).ToEquatableArray();

    private static NodeEni Interface(string id, EniWire wire) => new(id)
    {
        Number = wire.Number ?? 0,
        Address = IpAddr.TryParse(wire.Ip, out var address) ? address : IpAddr.None,
        Mac = MacAddress.TryParse(wire.Mac, out var mac) ? mac : MacAddress.None,
        Zone = wire.AvailabilityZone ?? "",
        Description = wire.Description ?? "",
        SubnetId = wire.Subnet?.Id ?? "",
        SubnetCidr = Prefix.TryParse(wire.Subnet?.Cidr, out var subnet) ? subnet : default,
        Network = wire.Vpc?.Id ?? "",
        NetworkCidrs = Fields.Prefixes(wire.Vpc?.Cidrs),
        Addresses = Fields.Addresses(wire.Addresses ?? []),
        Prefixes = Fields.Prefixes(wire.Prefixes),
        SecurityGroups = (wire.SecurityGroups ?? []).ToEquatableArray(),
        Tags = StringMap.Create(wire.Tags),
    };
}
