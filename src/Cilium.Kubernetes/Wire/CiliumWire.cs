using System.Text.Json.Serialization;

namespace Cilium.Kubernetes.Wire;

internal sealed class CiliumEndpointWire
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public MetaWire? Metadata { get; set; }
    public CiliumEndpointStatusWire? Status { get; set; }
}

internal sealed class CiliumEndpointStatusWire
{
    public int? Id { get; set; }
    public string? State { get; set; }
    public EndpointIdentityWire? Identity { get; set; }
    public EndpointNetworkingWire? Networking { get; set; }
    public EncryptionWire? Encryption { get; set; }

    [JsonPropertyName("external-identifiers")]
    public ExternalIdentifiersWire? ExternalIdentifiers { get; set; }

    [JsonPropertyName("named-ports")]
    public List<NamedPortWire>? NamedPorts { get; set; }

    public EndpointPolicyWire? Policy { get; set; }

    [JsonPropertyName("service-account")]
    public string? ServiceAccount { get; set; }
}

internal sealed class EndpointIdentityWire
{
    public long? Id { get; set; }
    public List<string>? Labels { get; set; }
}

internal sealed class EndpointNetworkingWire
{
    public List<IpPairWire>? Addressing { get; set; }
    public string? Node { get; set; }
}

internal sealed class ExternalIdentifiersWire
{
    [JsonPropertyName("container-id")]
    public string? ContainerId { get; set; }

    [JsonPropertyName("cni-attachment-id")]
    public string? CniAttachmentId { get; set; }

    [JsonPropertyName("k8s-namespace")]
    public string? K8sNamespace { get; set; }

    [JsonPropertyName("k8s-pod-name")]
    public string? K8sPodName { get; set; }

    [JsonPropertyName("pod-name")]
    public string? PodName { get; set; }
}

internal sealed class NamedPortWire
{
    public string? Name { get; set; }
    public int? Port { get; set; }
    public string? Protocol { get; set; }
}

internal sealed class EndpointPolicyWire
{
    public PolicyDirectionWire? Ingress { get; set; }
    public PolicyDirectionWire? Egress { get; set; }
}

internal sealed class PolicyDirectionWire
{
    public bool Enforcing { get; set; }
    public string? State { get; set; }
}

internal sealed class CiliumIdentityWire
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public MetaWire? Metadata { get; set; }

    [JsonPropertyName("security-labels")]
    public Dictionary<string, string>? SecurityLabels { get; set; }
}

internal sealed class PolicyStatusWire
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public MetaWire? Metadata { get; set; }
    public PolicyStatusBodyWire? Status { get; set; }
}

internal sealed class PolicyStatusBodyWire
{
    public List<ConditionWire>? Conditions { get; set; }
}
