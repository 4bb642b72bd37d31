using Cilium.ControlPlane.Configuration;
using Cilium.Core;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Agent;

/// <summary>The keys of mode <c>eni</c> on a node; upstream's but for the metadata endpoint.</summary>
internal static class InstanceOptionKeys
{
    public static OptionSchema<AgentOptions> AddTo(OptionSchema<AgentOptions> schema) => schema
        .Text("ec2-metadata-endpoint", "URL of the instance metadata service", (o, v) => o.Ec2MetadataEndpoint = v.Length == 0 ? o.Ec2MetadataEndpoint : v, "AWS_EC2_METADATA_SERVICE_ENDPOINT")
        .Integer("eni-first-interface-index", "First interface whose addresses pods get", 0, 100, (o, v) => o.Instance = o.Instance with { FirstInterfaceIndex = (int)v })
        .List("eni-subnet-ids", "Subnets of new interfaces", (o, v) => o.Instance = o.Instance with { SubnetIds = v.ToEquatableArray() })
        .Pairs("eni-subnet-tags", "Tags of subnets of new interfaces", (o, v) => o.Instance = o.Instance with { SubnetTags = StringMap.Create(v) })
        .List("eni-security-groups", "Security groups of new interfaces", (o, v) => o.Instance = o.Instance with { SecurityGroups = v.ToEquatableArray() })
        .Pairs("eni-security-group-tags", "Tags of security groups of new interfaces", (o, v) => o.Instance = o.Instance with { SecurityGroupTags = StringMap.Create(v) })
        .Pairs("eni-exclude-interface-tags", "Tags of interfaces that have nothing for pods", (o, v) => o.Instance = o.Instance with { ExcludedTags = StringMap.Create(v) })
        .Boolean("eni-delete-on-termination", "New interfaces end with the instance", (o, v) => o.Instance = o.Instance with { DeletesOnTermination = v })
        .Boolean("eni-disable-prefix-delegation", "Single addresses even where the operator prefers prefixes", (o, v) => o.Instance = o.Instance with { DisablesPrefixes = v })
        .Absent("eni-use-primary-address", "pods with the interfaces' own addresses", "false", "")
        .Integer("ipam-pre-allocate", "Free addresses to keep", 0, 10_000, (o, v) => o.Watermarks = o.Watermarks with { PreAllocate = (int)v })
        .Integer("ipam-min-allocate", "Addresses at least", 0, 10_000, (o, v) => o.Watermarks = o.Watermarks with { MinAllocate = (int)v })
        .Integer("ipam-max-allocate", "Addresses at most; 0 for no limit", 0, 10_000, (o, v) => o.Watermarks = o.Watermarks with { MaxAllocate = (int)v })
        .Integer("ipam-max-above-watermark", "Free addresses that are not given back", 0, 10_000, (o, v) => o.Watermarks = o.Watermarks with { MaxAboveWatermark = (int)v });
}
