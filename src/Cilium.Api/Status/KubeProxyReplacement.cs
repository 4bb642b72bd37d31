using System.Text.Json.Serialization;

namespace Cilium.Api;

/// <summary>Service load balancing in place of kube-proxy.</summary>
public sealed record KubeProxyReplacement
{
    /// <summary><c>True</c> or <c>False</c>.</summary>
    public string? Mode { get; init; }

    /// <summary>Names of the devices that take service traffic from outside.</summary>
    public IReadOnlyList<string>? Devices { get; init; }

    /// <summary>The devices with their addresses.</summary>
    [JsonPropertyName("deviceList")]
    public IReadOnlyList<KubeProxyReplacementDevice>? DeviceList { get; init; }

    /// <summary>The device by which other nodes are reached.</summary>
    [JsonPropertyName("directRoutingDevice")]
    public string? DirectRoutingDevice { get; init; }

    /// <summary>What is switched on.</summary>
    public KubeProxyReplacementFeatures? Features { get; init; }
}

/// <summary>A device that takes service traffic.</summary>
public sealed record KubeProxyReplacementDevice
{
    /// <summary>Its name.</summary>
    public string? Name { get; init; }

    /// <summary>Its addresses.</summary>
    public IReadOnlyList<string>? Ip { get; init; }
}

/// <summary>The parts of service load balancing.</summary>
public sealed record KubeProxyReplacementFeatures
{
    /// <summary>Translation at socket calls.</summary>
    [JsonPropertyName("socketLB")]
    public FeatureSwitch? SocketLb { get; init; }

    /// <summary>Events of socket translation.</summary>
    [JsonPropertyName("socketLBTracing")]
    public FeatureSwitch? SocketLbTracing { get; init; }

    /// <summary>True when only the host's sockets are translated.</summary>
    [JsonPropertyName("bpfSocketLBHostnsOnly")]
    public bool BpfSocketLbHostnsOnly { get; init; }

    /// <summary>Node ports.</summary>
    [JsonPropertyName("nodePort")]
    public NodePortFeature? NodePort { get; init; }

    /// <summary>Host ports.</summary>
    [JsonPropertyName("hostPort")]
    public FeatureSwitch? HostPort { get; init; }

    /// <summary>External addresses.</summary>
    [JsonPropertyName("externalIPs")]
    public FeatureSwitch? ExternalIps { get; init; }

    /// <summary>Session affinity.</summary>
    [JsonPropertyName("sessionAffinity")]
    public FeatureSwitch? SessionAffinity { get; init; }

    /// <summary>Backends that go away keep their connections.</summary>
    [JsonPropertyName("gracefulTermination")]
    public FeatureSwitch? GracefulTermination { get; init; }

    /// <summary>Translation between families.</summary>
    [JsonPropertyName("nat46X64")]
    public FeatureSwitch? Nat46X64 { get; init; }

    /// <summary>Service annotations that are honoured.</summary>
    public IReadOnlyList<string>? Annotations { get; init; }
}

/// <summary>A feature that is on or off.</summary>
public sealed record FeatureSwitch
{
    /// <summary>True when on.</summary>
    public bool Enabled { get; init; }
}

/// <summary>Node ports.</summary>
public sealed record NodePortFeature
{
    /// <summary>True when on.</summary>
    public bool Enabled { get; init; }

    /// <summary><c>SNAT</c>, <c>DSR</c> or <c>Hybrid</c>.</summary>
    public string? Mode { get; init; }

    /// <summary><c>Random</c> or <c>Maglev</c>.</summary>
    public string? Algorithm { get; init; }

    /// <summary><c>None</c>, <c>Native</c> or <c>Generic</c>.</summary>
    public string? Acceleration { get; init; }

    /// <summary>First port.</summary>
    [JsonPropertyName("portMin")]
    public int PortMin { get; init; }

    /// <summary>Last port.</summary>
    [JsonPropertyName("portMax")]
    public int PortMax { get; init; }
}
