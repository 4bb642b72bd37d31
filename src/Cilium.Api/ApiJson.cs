using System.Text.Json.Serialization;

namespace Cilium.Api;

/// <summary>How the API's models are written and read; source-generated, so that it needs no reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StatusResponse))]
[JsonSerializable(typeof(DaemonConfiguration))]
[JsonSerializable(typeof(IpamResponse))]
[JsonSerializable(typeof(EndpointChangeRequest))]
[JsonSerializable(typeof(EndpointBatchDeleteRequest))]
[JsonSerializable(typeof(EndpointModel))]
[JsonSerializable(typeof(IReadOnlyList<EndpointModel>))]
[JsonSerializable(typeof(EndpointHealth))]
[JsonSerializable(typeof(PolicyRulesModel))]
[JsonSerializable(typeof(LabelConfigurationStatus))]
[JsonSerializable(typeof(IReadOnlyList<EndpointStatusChange>))]
[JsonSerializable(typeof(IdentityModel))]
[JsonSerializable(typeof(IReadOnlyList<IdentityModel>))]
[JsonSerializable(typeof(IReadOnlyList<IdentityEndpoints>))]
[JsonSerializable(typeof(IReadOnlyList<ServiceModel>))]
[JsonSerializable(typeof(ServiceModel))]
[JsonSerializable(typeof(PolicyModel))]
[JsonSerializable(typeof(IReadOnlyList<SelectorIdentityMapping>))]
[JsonSerializable(typeof(IReadOnlyList<IpListEntry>))]
[JsonSerializable(typeof(ClusterNodeStatus))]
[JsonSerializable(typeof(HealthStatusResponse))]
[JsonSerializable(typeof(HealthResponse))]
[JsonSerializable(typeof(IReadOnlyList<Metric>))]
[JsonSerializable(typeof(string))]
public sealed partial class ApiJson : JsonSerializerContext;
