using System.Text.Json;

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
    public string? Type { get; set; }
    public string? ClusterIP { get; set; }
    public List<string>? ClusterIPs { get; set; }
    public List<string>? ExternalIPs { get; set; }
    public List<ServicePortWire>? Ports { get; set; }
    public Dictionary<string, string>? Selector { get; set; }
    public string? SessionAffinity { get; set; }
    public AffinityWire? SessionAffinityConfig { get; set; }
    public string? ExternalTrafficPolicy { get; set; }
    public string? InternalTrafficPolicy { get; set; }
    public bool? PublishNotReadyAddresses { get; set; }
    public string? LoadBalancerClass { get; set; }
    public string? LoadBalancerIP { get; set; }
    public List<string>? IpFamilies { get; set; }
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

internal sealed class ServicePortWire
{
    public string? Name { get; set; }
    public string? Protocol { get; set; }
    public int Port { get; set; }
    public JsonElement? TargetPort { get; set; }
    public int? NodePort { get; set; }
}

internal sealed class ServiceStatusWire
{
    public LoadBalancerStatusWire? LoadBalancer { get; set; }
    public List<ConditionWire>? Conditions { get; set; }
}

internal sealed class LoadBalancerStatusWire
{
    public List<IpWire>? Ingress { get; set; }
}

internal sealed class EndpointSliceWire
{
    public MetaWire? Metadata { get; set; }
    public List<SliceEndpointWire>? Endpoints { get; set; }
    public List<SlicePortWire>? Ports { get; set; }
}

internal sealed class SliceEndpointWire
{
    public List<string>? Addresses { get; set; }
    public SliceConditionsWire? Conditions { get; set; }
    public string? NodeName { get; set; }
    public string? Zone { get; set; }
    public TargetRefWire? TargetRef { get; set; }
    public HintsWire? Hints { get; set; }
}

internal sealed class SliceConditionsWire
{
    public bool? Ready { get; set; }
    public bool? Serving { get; set; }
    public bool? Terminating { get; set; }
}

internal sealed class TargetRefWire
{
    public string? Kind { get; set; }
    public string? Name { get; set; }
}

internal sealed class HintsWire
{
    public List<ZoneHintWire>? ForZones { get; set; }
}

internal sealed class ZoneHintWire
{
    public string? Name { get; set; }
}

internal sealed class SlicePortWire
{
    public string? Name { get; set; }
    public string? Protocol { get; set; }
    public int? Port { get; set; }
}
