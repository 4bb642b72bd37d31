using System.Text.Json.Serialization;

namespace Cilium.Kubernetes.Wire;

internal sealed class CiliumNodeWire
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public MetaWire? Metadata { get; set; }
    public CiliumNodeSpecWire? Spec { get; set; }
    public CiliumNodeStatusWire? Status { get; set; }
}

internal sealed class CiliumNodeSpecWire
{
    public List<CiliumNodeAddressWire>? Addresses { get; set; }

    // Not a pair: a patch says with null that an address is gone.
    public Dictionary<string, string?>? Health { get; set; }
    public IpPairWire? Ingress { get; set; }
    public EncryptionWire? Encryption { get; set; }
    public string? Bootid { get; set; }
    public CiliumNodeIpamWire? Ipam { get; set; }
    public NodeEniSpecWire? Eni { get; set; }

    [JsonPropertyName("instance-id")]
    public string? InstanceId { get; set; }
}

internal sealed class CiliumNodeAddressWire
{
    public string? Type { get; set; }
    public string? Ip { get; set; }
}

internal sealed class IpPairWire
{
    public string? Ipv4 { get; set; }
    public string? Ipv6 { get; set; }
}

internal sealed class EncryptionWire
{
    public int? Key { get; set; }
}

internal sealed class CiliumNodeIpamWire
{
    public List<string>? PodCIDRs { get; set; }
    public NodePoolsWire? Pools { get; set; }
    public Dictionary<string, AddressAllocationWire?>? Pool { get; set; }

    [JsonPropertyName("ipv6-pool")]
    public Dictionary<string, AddressAllocationWire?>? Ipv6Pool { get; set; }

    [JsonPropertyName("pre-allocate")]
    public int? PreAllocate { get; set; }

    [JsonPropertyName("min-allocate")]
    public int? MinAllocate { get; set; }

    [JsonPropertyName("max-allocate")]
    public int? MaxAllocate { get; set; }

    [JsonPropertyName("max-above-watermark")]
    public int? MaxAboveWatermark { get; set; }
}

internal sealed class NodePoolsWire
{
    public List<RequestedPoolWire>? Requested { get; set; }
    public List<AllocatedPoolWire>? Allocated { get; set; }
}

internal sealed class RequestedPoolWire
{
    public string? Pool { get; set; }
    public NeededAddressesWire? Needed { get; set; }
}

internal sealed class NeededAddressesWire
{
    [JsonPropertyName("ipv4-addrs")]
    public int? Ipv4 { get; set; }

    [JsonPropertyName("ipv6-addrs")]
    public int? Ipv6 { get; set; }
}

internal sealed class AllocatedPoolWire
{
    public string? Pool { get; set; }
    public List<string>? Cidrs { get; set; }
}

internal sealed class AddressAllocationWire
{
    public string? Owner { get; set; }
    public string? Resource { get; set; }
}

internal sealed class CiliumNodeStatusWire
{
    public CiliumNodeIpamStatusWire? Ipam { get; set; }
    public NodeEniStatusWire? Eni { get; set; }
}

internal sealed class CiliumNodeIpamStatusWire
{
    public Dictionary<string, AddressAllocationWire?>? Used { get; set; }

    [JsonPropertyName("ipv6-used")]
    public Dictionary<string, AddressAllocationWire?>? Ipv6Used { get; set; }

    [JsonPropertyName("release-ips")]
    public Dictionary<string, string?>? ReleaseIps { get; set; }

    [JsonPropertyName("operator-status")]
    public OperatorStatusWire? OperatorStatus { get; set; }
}

internal sealed class OperatorStatusWire
{
    public string? Error { get; set; }
}
