using System.Text.Json.Serialization;

namespace Cilium.Kubernetes.Wire;

// Names of fields follow upstream's pkg/aws/eni/types (1.17).
internal sealed class NodeEniSpecWire
{
    [JsonPropertyName("instance-type")]
    public string? InstanceType { get; set; }

    [JsonPropertyName("first-interface-index")]
    public int? FirstInterfaceIndex { get; set; }

    [JsonPropertyName("security-groups")]
    public List<string>? SecurityGroups { get; set; }

    [JsonPropertyName("security-group-tags")]
    public Dictionary<string, string>? SecurityGroupTags { get; set; }

    [JsonPropertyName("subnet-ids")]
    public List<string>? SubnetIds { get; set; }

    [JsonPropertyName("subnet-tags")]
    public Dictionary<string, string>? SubnetTags { get; set; }

    [JsonPropertyName("node-subnet-id")]
    public string? NodeSubnetId { get; set; }

    [JsonPropertyName("vpc-id")]
    public string? VpcId { get; set; }

    [JsonPropertyName("availability-zone")]
    public string? AvailabilityZone { get; set; }

    [JsonPropertyName("exclude-interface-tags")]
    public Dictionary<string, string>? ExcludeInterfaceTags { get; set; }

    [JsonPropertyName("delete-on-termination")]
    public bool? DeleteOnTermination { get; set; }

    [JsonPropertyName("disable-prefix-delegation")]
    public bool? DisablePrefixDelegation { get; set; }
}

internal sealed class NodeEniStatusWire
{
    public Dictionary<string, EniWire?>? Enis { get; set; }
}

internal sealed class EniWire
{
    public string? Id { get; set; }
    public string? Ip { get; set; }
    public string? Mac { get; set; }

    [JsonPropertyName("availability-zone")]
    public string? AvailabilityZone { get; set; }

    public string? Description { get; set; }
    public int? Number { get; set; }
    public EniSubnetWire? Subnet { get; set; }
    public EniVpcWire? Vpc { get; set; }
    public List<string>? Addresses { get; set; }
    public List<string>? Prefixes { get; set; }

    [JsonPropertyName("security-groups")]
    public List<string>? SecurityGroups { get; set; }

    public Dictionary<string, string>? Tags { get; set; }
}

internal sealed class EniSubnetWire
{
    public string? Id { get; set; }
    public string? Cidr { get; set; }
}

internal sealed class EniVpcWire
{
    public string? Id { get; set; }

    [JsonPropertyName("primary-cidr")]
    public string? PrimaryCidr { get; set; }

    public List<string>? Cidrs { get; set; }
}
