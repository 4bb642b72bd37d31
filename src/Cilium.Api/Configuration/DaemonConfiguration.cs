using System.Text.Json.Serialization;

namespace Cilium.Api;

/// <summary>What <c>GET /config</c> answers.</summary>
public sealed record DaemonConfiguration
{
    /// <summary>What may be changed at run time.</summary>
    public DaemonConfigurationSpec? Spec { get; init; }

    /// <summary>What is in force.</summary>
    public DaemonConfigurationStatus? Status { get; init; }
}

/// <summary>What may be changed at run time.</summary>
public sealed record DaemonConfigurationSpec
{
    /// <summary>Options by name.</summary>
    public IReadOnlyDictionary<string, string>? Options { get; init; }

    /// <summary><c>default</c>, <c>always</c> or <c>never</c>.</summary>
    public string? PolicyEnforcement { get; init; }
}

/// <summary>The configuration in force, as the CNI plugin needs it.</summary>
public sealed record DaemonConfigurationStatus
{
    /// <summary>The node's router addresses and pod ranges.</summary>
    public NodeAddressing? Addressing { get; init; }

    /// <summary>MTU of pod devices.</summary>
    [JsonPropertyName("deviceMTU")]
    public int DeviceMtu { get; init; }

    /// <summary>MTU of pods' default routes: what fits after encapsulation.</summary>
    [JsonPropertyName("routeMTU")]
    public int RouteMtu { get; init; }

    /// <summary>The pod device type: <c>veth</c>.</summary>
    [JsonPropertyName("datapathMode")]
    public string? DatapathMode { get; init; }

    /// <summary>The address management mode.</summary>
    public string? IpamMode { get; init; }

    /// <summary>True when pods are masqueraded to the outside.</summary>
    public bool Masquerade { get; init; }

    /// <summary>Masquerading by family.</summary>
    [JsonPropertyName("masqueradeProtocols")]
    public FamilySwitches? MasqueradeProtocols { get; init; }

    /// <summary>Ports that pods must not choose by themselves.</summary>
    [JsonPropertyName("ipLocalReservedPorts")]
    public string? IpLocalReservedPorts { get; init; }

    /// <summary>GSO size of pod devices; 0 to leave the kernel's.</summary>
    [JsonPropertyName("GSOMaxSize")]
    public long GsoMaxSize { get; init; }

    /// <summary>GRO size of pod devices; 0 to leave the kernel's.</summary>
    [JsonPropertyName("GROMaxSize")]
    public long GroMaxSize { get; init; }

    /// <summary>The API server.</summary>
    public string? K8sEndpoint { get; init; }

    /// <summary>The kubeconfig in use.</summary>
    public string? K8sConfiguration { get; init; }

    /// <summary>Options in force.</summary>
    public DaemonConfigurationSpec? Realized { get; init; }

    /// <summary>Options that only a restart changes, by key.</summary>
    [JsonPropertyName("daemonConfigurationMap")]
    public IReadOnlyDictionary<string, string>? DaemonConfigurationMap { get; init; }
}
