using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cilium.Kubernetes.Wire;

internal sealed class StatusWire
{
    public string? Reason { get; set; }
    public string? Message { get; set; }
    public int? Code { get; set; }
}

internal sealed class ListMetaWire
{
    public string? ResourceVersion { get; set; }
    public string? Continue { get; set; }
}

internal sealed class MetaWire
{
    public string? Name { get; set; }
    public string? GenerateName { get; set; }
    public string? Namespace { get; set; }
    public string? Uid { get; set; }
    public string? ResourceVersion { get; set; }
    public long? Generation { get; set; }
    public string? CreationTimestamp { get; set; }
    public string? DeletionTimestamp { get; set; }
    public Dictionary<string, string>? Labels { get; set; }
    public Dictionary<string, string>? Annotations { get; set; }
    public List<OwnerWire>? OwnerReferences { get; set; }
}

internal sealed class OwnerWire
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public string? Name { get; set; }
    public string? Uid { get; set; }
    public bool? Controller { get; set; }
}

/// <summary>Any object, of which only the metadata matters.</summary>
internal sealed class MetaOnlyWire
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public MetaWire? Metadata { get; set; }
}

internal sealed class ConditionWire
{
    public string? Type { get; set; }
    public string? Status { get; set; }
    public string? Reason { get; set; }
    public string? Message { get; set; }
    public string? LastTransitionTime { get; set; }
    public string? LastHeartbeatTime { get; set; }

    /// <summary>We set none; others' stay in the lists that we write.</summary>
    public long? ObservedGeneration { get; set; }
}

internal sealed class IpWire
{
    public string? Ip { get; set; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(StatusWire))]
[JsonSerializable(typeof(ListMetaWire))]
[JsonSerializable(typeof(MetaOnlyWire))]
[JsonSerializable(typeof(PodWire))]
[JsonSerializable(typeof(NamespaceWire))]
[JsonSerializable(typeof(NodeWire))]
[JsonSerializable(typeof(ServiceWire))]
[JsonSerializable(typeof(EndpointSliceWire))]
[JsonSerializable(typeof(CiliumNodeWire))]
[JsonSerializable(typeof(CiliumEndpointWire))]
[JsonSerializable(typeof(CiliumIdentityWire))]
[JsonSerializable(typeof(PolicyStatusWire))]
[JsonSerializable(typeof(PodIPPoolWire))]
[JsonSerializable(typeof(LoadBalancerIPPoolWire))]
[JsonSerializable(typeof(ServicePatchWire))]
[JsonSerializable(typeof(LeaseWire))]
[JsonSerializable(typeof(EventWire))]
[JsonSerializable(typeof(CrdWire))]
[JsonSerializable(typeof(DeleteOptionsWire))]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class WireJson : JsonSerializerContext;
