using System.Text.Json.Serialization;
using Cilium.Core;
using Cilium.Kubernetes.Decoding;

namespace Cilium.Kubernetes.Wire;

internal sealed class PodWire
{
    public MetaWire? Metadata { get; set; }
    public PodSpecWire? Spec { get; set; }
    public PodStatusWire? Status { get; set; }
}

internal sealed class PodSpecWire
{
    public string? NodeName { get; set; }
    public bool? HostNetwork { get; set; }
    public string? ServiceAccountName { get; set; }
    public List<ContainerWire>? Containers { get; set; }
    public List<ContainerWire>? InitContainers { get; set; }
}

internal sealed class ContainerWire
{
    public List<ContainerPortWire>? Ports { get; set; }
}

internal sealed class ContainerPortWire
{
    public string? Name { get; set; }
    public int ContainerPort { get; set; }
    public string? Protocol { get; set; }
    public int? HostPort { get; set; }
}

internal sealed class PodStatusWire
{
    public string? Phase { get; set; }
    public string? PodIP { get; set; }
    public List<IpWire>? PodIPs { get; set; }
    public string? HostIP { get; set; }
    public List<IpWire>? HostIPs { get; set; }
}

internal sealed class NamespaceWire
{
    public MetaWire? Metadata { get; set; }
}

internal sealed class NodeWire
{
    public MetaWire? Metadata { get; set; }
    public NodeSpecWire? Spec { get; set; }
    public NodeStatusWire? Status { get; set; }
}

internal sealed class NodeSpecWire
{
    public string? PodCIDR { get; set; }
    public List<string>? PodCIDRs { get; set; }
    public List<TaintWire>? Taints { get; set; }
}

internal sealed class TaintWire
{
    public string? Key { get; set; }
    public string? Value { get; set; }
    public string? Effect { get; set; }
    public string? TimeAdded { get; set; }
}

internal sealed class NodeStatusWire
{
    public List<NodeAddressWire>? Addresses { get; set; }
    public List<ConditionWire>? Conditions { get; set; }
}

internal sealed class NodeAddressWire
{
    public string? Type { get; set; }
    public string? Address { get; set; }
}

internal sealed class ServiceWire
{
    public MetaWire? Metadata { get; set; }
    public ServiceSpecWire? Spec { get; set; }
    public ServiceStatusWire? Status { get; set; }
}

internal sealed class ServiceSpecWire
{
    [JsonConverter(typeof(RepeatedTextConverter))]
    public string? Type { get; set; }

    public string? ClusterIP { get; set; }

    [JsonConverter(typeof(AddressesConverter))]
    public EquatableArray<IpAddr> ClusterIPs { get; set; }

    [JsonConverter(typeof(AddressesConverter))]
    public EquatableArray<IpAddr> ExternalIPs { get; set; }

    [JsonConverter(typeof(ServicePortsConverter))]
    public EquatableArray<ServicePort> Ports { get; set; }

    public Dictionary<string, string>? Selector { get; set; }

    [JsonConverter(typeof(RepeatedTextConverter))]
    public string? SessionAffinity { get; set; }

    public AffinityWire? SessionAffinityConfig { get; set; }

    [JsonConverter(typeof(RepeatedTextConverter))]
    public string? ExternalTrafficPolicy { get; set; }

    [JsonConverter(typeof(RepeatedTextConverter))]
    public string? InternalTrafficPolicy { get; set; }

    public bool? PublishNotReadyAddresses { get; set; }
    public string? LoadBalancerClass { get; set; }
    public string? LoadBalancerIP { get; set; }

    [JsonConverter(typeof(RepeatedTextsConverter))]
    public EquatableArray<string> IpFamilies { get; set; }

    [JsonConverter(typeof(RepeatedTextConverter))]
    public string? IpFamilyPolicy { get; set; }

    public List<string>? LoadBalancerSourceRanges { get; set; }
    public int? HealthCheckNodePort { get; set; }
    public string? TrafficDistribution { get; set; }
}

internal sealed class AffinityWire
{
    public ClientIPAffinityWire? ClientIP { get; set; }
}

internal sealed class ClientIPAffinityWire
{
    public int? TimeoutSeconds { get; set; }
}

internal sealed class ServiceStatusWire
{
    public LoadBalancerStatusWire? LoadBalancer { get; set; }
    public List<ConditionWire>? Conditions { get; set; }
}

internal sealed class LoadBalancerStatusWire
{
    public List<LoadBalancerIngressWire>? Ingress { get; set; }
}

internal sealed class LoadBalancerIngressWire
{
    public string? Ip { get; set; }
    public string? IpMode { get; set; }
}

internal sealed class EndpointSliceWire
{
    public SliceMetaWire? Metadata { get; set; }

    [JsonConverter(typeof(SliceEndpointsConverter))]
    public EquatableArray<SliceEndpoint> Endpoints { get; set; }

    [JsonConverter(typeof(EndpointPortsConverter))]
    public EquatableArray<EndpointPort> Ports { get; set; }
}

internal sealed class SliceMetaWire
{
    public string? Name { get; set; }

    [JsonConverter(typeof(RepeatedTextConverter))]
    public string? Namespace { get; set; }

    public SliceLabelsWire? Labels { get; set; }
}

internal sealed class SliceLabelsWire
{
    [JsonPropertyName("kubernetes.io/service-name")]
    public string? ServiceName { get; set; }
}
