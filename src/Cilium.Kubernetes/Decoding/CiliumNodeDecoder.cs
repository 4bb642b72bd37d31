using System.Text.Json;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes.Wire;

namespace Cilium.Kubernetes.Decoding;

/// <summary>Decodes CiliumNodes.</summary>
internal static class CiliumNodeDecoder
{
    public static CiliumNodeRow? Node(ReadOnlySpan<byte> json)
    {
        var node = JsonSerializer.Deserialize(json, WireJson.Default.CiliumNodeWire);
        if (node?.Metadata is not { Name: { } name } metadata)
        {
            return null;
        }

        var spec = node.Spec ?? new CiliumNodeSpecWire();
        var addresses = new List<NodeAddress>();
        foreach (var address in spec.Addresses ?? [])
        {
            if (IpAddr.TryParse(address.Ip, out var ip))
            {
                addresses.Add(new NodeAddress(address.Type ?? "", ip));
            }
        }

        var cidrs = spec.Ipam?.PodCIDRs ?? [];
        return new CiliumNodeRow
        {
            Name = name,
            Uid = metadata.Uid ?? "",
            Addresses = addresses.ToEquatableArray(),
            PodCidrs = Fields.Prefixes(cidrs),
            InvalidPodCidrs = cidrs.Where(text => !Prefix.TryParse(text, out _)).ToEquatableArray(),
            ResourceVersion = metadata.ResourceVersion ?? "",
            AllocatedPools = (spec.Ipam?.Pools?.Allocated ?? []).Select(pool => new PoolCidrs(pool.Pool ?? "", Fields.Prefixes(pool.Cidrs))).ToEquatableArray(),
            RequestedPools = (spec.Ipam?.Pools?.Requested ?? []).Select(pool => new PoolDemand(pool.Pool ?? "", pool.Needed?.Ipv4 ?? 0, pool.Needed?.Ipv6 ?? 0)).ToEquatableArray(),
            PoolAddresses = Map(spec.Ipam?.Pool, spec.Ipam?.Ipv6Pool, static entry => entry?.Resource),
            UsedAddresses = Map(node.Status?.Ipam?.Used, node.Status?.Ipam?.Ipv6Used, static entry => entry?.Owner),
            ReleaseAddresses = StringMap.Create((node.Status?.Ipam?.ReleaseIps ?? []).Select(pair => KeyValuePair.Create(pair.Key, pair.Value ?? ""))),
            Instance = NodeEniDecoder.Instance(spec),
            Watermarks = NodeEniDecoder.Watermarks(spec.Ipam),
            Interfaces = NodeEniDecoder.Interfaces(node.Status?.Eni),
            HealthIPs = Fields.Addresses([spec.Health?.GetValueOrDefault("ipv4"), spec.Health?.GetValueOrDefault("ipv6")]),
            IngressIPs = Fields.Addresses([spec.Ingress?.Ipv4, spec.Ingress?.Ipv6]),
            EncryptionKey = (byte)(spec.Encryption?.Key is > 0 and <= 255 ? spec.Encryption.Key.Value : 0),
            BootId = spec.Bootid ?? "",
            OperatorError = node.Status?.Ipam?.OperatorStatus?.Error ?? "",
            Labels = Fields.Labels(metadata),
            Annotations = Fields.Annotations(metadata),
        };
    }

    private static StringMap Map(
        Dictionary<string, AddressAllocationWire?>? ipv4, Dictionary<string, AddressAllocationWire?>? ipv6, Func<AddressAllocationWire?, string?> value) =>
        StringMap.Create((ipv4 ?? []).Concat(ipv6 ?? []).Select(pair => KeyValuePair.Create(pair.Key, value(pair.Value) ?? "")));
}
