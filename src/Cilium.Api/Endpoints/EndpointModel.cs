using System.Text.Json.Serialization;

namespace Cilium.Api;

/// <summary>An endpoint as the agent shows it.</summary>
public sealed record EndpointModel
{
    /// <summary>The number on this node.</summary>
    public long Id { get; init; }

    /// <summary>What may be changed.</summary>
    public EndpointConfigurationSpec? Spec { get; init; }

    /// <summary>What is.</summary>
    public EndpointStatusModel? Status { get; init; }
}

/// <summary>What may be changed of an endpoint.</summary>
public sealed record EndpointConfigurationSpec
{
    /// <summary>Labels set by hand.</summary>
    public LabelConfigurationSpec? LabelConfiguration { get; init; }

    /// <summary>Options by name.</summary>
    public IReadOnlyDictionary<string, string>? Options { get; init; }
}

/// <summary>Labels set by hand.</summary>
public sealed record LabelConfigurationSpec
{
    /// <summary>The labels.</summary>
    public IReadOnlyList<string>? User { get; init; }
}

/// <summary>The state of an endpoint.</summary>
public sealed record EndpointStatusModel
{
    /// <summary><c>waiting-for-identity</c>, <c>regenerating</c>, <c>ready</c>, <c>disconnecting</c>, ...</summary>
    public string? State { get; init; }

    /// <summary>What others call it.</summary>
    public EndpointIdentifiers? ExternalIdentifiers { get; init; }

    /// <summary>Whether it works.</summary>
    public EndpointHealth? Health { get; init; }

    /// <summary>Its identity.</summary>
    public IdentityModel? Identity { get; init; }

    /// <summary>Its labels.</summary>
    public LabelConfigurationStatus? Labels { get; init; }

    /// <summary>The last change of its state.</summary>
    public IReadOnlyList<EndpointStatusChange>? Log { get; init; }

    /// <summary>Its ports with names.</summary>
    [JsonPropertyName("namedPorts")]
    public IReadOnlyList<NamedPort>? NamedPorts { get; init; }

    /// <summary>Its device and addresses.</summary>
    public EndpointNetworking? Networking { get; init; }

    /// <summary>Its policy.</summary>
    public EndpointPolicyStatus? Policy { get; init; }

    /// <summary>Options in force.</summary>
    public EndpointConfigurationSpec? Realized { get; init; }
}

/// <summary>What others call an endpoint.</summary>
public sealed record EndpointIdentifiers
{
    /// <summary>The sandbox.</summary>
    public string? ContainerId { get; init; }

    /// <summary>The sandbox's name.</summary>
    public string? ContainerName { get; init; }

    /// <summary><c>container:interface</c>.</summary>
    public string? CniAttachmentId { get; init; }

    /// <summary><c>namespace/pod</c>.</summary>
    public string? PodName { get; init; }

    /// <summary>Namespace of the pod.</summary>
    public string? K8sNamespace { get; init; }

    /// <summary>Name of the pod.</summary>
    public string? K8sPodName { get; init; }
}

/// <summary>Whether an endpoint works.</summary>
public sealed record EndpointHealth
{
    /// <summary>Programs and maps: <c>OK</c>, <c>Bootstrap</c>, <c>Pending</c>, <c>Warning</c>, <c>Failure</c>, <c>Disabled</c>.</summary>
    public string? Bpf { get; init; }

    /// <summary>Policy.</summary>
    public string? Policy { get; init; }

    /// <summary>True when its device is attached.</summary>
    public bool Connected { get; init; }

    /// <summary>The worst of all.</summary>
    [JsonPropertyName("overallHealth")]
    public string? OverallHealth { get; init; }
}

/// <summary>The labels of an endpoint by their role.</summary>
public sealed record LabelConfigurationStatus
{
    /// <summary>Labels that make its identity.</summary>
    public IReadOnlyList<string>? SecurityRelevant { get; init; }

    /// <summary>Labels that do not.</summary>
    public IReadOnlyList<string>? Derived { get; init; }

    /// <summary>Labels switched off by hand.</summary>
    public IReadOnlyList<string>? Disabled { get; init; }

    /// <summary>Labels set by hand.</summary>
    public LabelConfigurationSpec? Realized { get; init; }
}

/// <summary>One change of an endpoint's state.</summary>
public sealed record EndpointStatusChange
{
    /// <summary><c>OK</c> or <c>failed</c>.</summary>
    public string? Code { get; init; }

    /// <summary>What happened.</summary>
    public string? Message { get; init; }

    /// <summary>The new state.</summary>
    public string? State { get; init; }

    /// <summary>When, RFC 3339.</summary>
    public string? Timestamp { get; init; }
}

/// <summary>A port with a name.</summary>
public sealed record NamedPort
{
    /// <summary>The name.</summary>
    public string? Name { get; init; }

    /// <summary>The port.</summary>
    public int Port { get; init; }

    /// <summary><c>TCP</c>, <c>UDP</c> or <c>SCTP</c>.</summary>
    public string? Protocol { get; init; }
}

/// <summary>An endpoint's device and addresses.</summary>
public sealed record EndpointNetworking
{
    /// <summary>The addresses.</summary>
    public IReadOnlyList<AddressPair>? Addressing { get; init; }

    /// <summary>The node's addresses.</summary>
    public NodeAddressing? HostAddressing { get; init; }

    /// <summary>The device's name in the pod.</summary>
    public string? ContainerInterfaceName { get; init; }

    /// <summary>The host side's name.</summary>
    public string? InterfaceName { get; init; }

    /// <summary>The host side's kernel index.</summary>
    public long InterfaceIndex { get; init; }

    /// <summary>The pod side's Ethernet address.</summary>
    public string? Mac { get; init; }

    /// <summary>The host side's Ethernet address.</summary>
    public string? HostMac { get; init; }
}

/// <summary>An endpoint's policy, wanted and in force.</summary>
public sealed record EndpointPolicyStatus
{
    /// <summary>In force.</summary>
    public EndpointPolicy? Realized { get; init; }

    /// <summary>Wanted.</summary>
    public EndpointPolicy? Spec { get; init; }
}

/// <summary>A compiled policy in short.</summary>
public sealed record EndpointPolicy
{
    /// <summary>The subject's identity.</summary>
    public long Id { get; init; }

    /// <summary><c>none</c>, <c>ingress</c>, <c>egress</c> or <c>both</c>: where default deny holds.</summary>
    public string? PolicyEnabled { get; init; }

    /// <summary>Revision of the rules it was made from.</summary>
    public long PolicyRevision { get; init; }

    /// <summary>Peers allowed at every port to send to it.</summary>
    public IReadOnlyList<long>? AllowedIngressIdentities { get; init; }

    /// <summary>Peers it may send to at every port.</summary>
    public IReadOnlyList<long>? AllowedEgressIdentities { get; init; }

    /// <summary>Peers whose traffic is dropped at every port.</summary>
    public IReadOnlyList<long>? DeniedIngressIdentities { get; init; }

    /// <summary>Peers towards which traffic is dropped at every port.</summary>
    public IReadOnlyList<long>? DeniedEgressIdentities { get; init; }
}
