using System.Text.Json.Serialization;

namespace Cilium.Api;

/// <summary>What <c>GET /healthz</c> answers: the state of every part of an agent.</summary>
public sealed record StatusResponse
{
    /// <summary>The agent as a whole.</summary>
    public Status? Cilium { get; init; }

    /// <summary>The key-value store; disabled with CRD identities.</summary>
    public Status? Kvstore { get; init; }

    /// <summary>The container runtime; disabled, since nothing depends on it.</summary>
    public Status? ContainerRuntime { get; init; }

    /// <summary>The connection to the Kubernetes API server.</summary>
    public K8sStatus? Kubernetes { get; init; }

    /// <summary>Service load balancing in place of kube-proxy.</summary>
    public KubeProxyReplacement? KubeProxyReplacement { get; init; }

    /// <summary>The host firewall.</summary>
    public HostFirewall? HostFirewall { get; init; }

    /// <summary>CNI chaining.</summary>
    public CniChainingStatus? CniChaining { get; init; }

    /// <summary>The conflist the agent writes.</summary>
    public Status? CniFile { get; init; }

    /// <summary>The event ring that monitors read.</summary>
    [JsonPropertyName("nodeMonitor")]
    public MonitorStatus? NodeMonitor { get; init; }

    /// <summary>The cluster as this agent sees it.</summary>
    public ClusterStatus? Cluster { get; init; }

    /// <summary>Address management.</summary>
    public IpamStatus? Ipam { get; init; }

    /// <summary>How traffic leaves and enters pods.</summary>
    public RoutingStatus? Routing { get; init; }

    /// <summary><c>tcx</c> or <c>tc</c>.</summary>
    public string? AttachMode { get; init; }

    /// <summary>The pod device type: <c>veth</c>.</summary>
    public string? DatapathMode { get; init; }

    /// <summary>Source translation towards the outside.</summary>
    public MasqueradingStatus? Masquerading { get; init; }

    /// <summary>The clock of BPF timers.</summary>
    public ClockSource? ClockSource { get; init; }

    /// <summary>The loops of the agent.</summary>
    public IReadOnlyList<ControllerStatus>? Controllers { get; init; }

    /// <summary>The L7 proxy.</summary>
    public ProxyStatus? Proxy { get; init; }

    /// <summary>Numeric range of cluster-wide identities.</summary>
    public IdentityRange? IdentityRange { get; init; }

    /// <summary>Flow observation.</summary>
    public HubbleStatus? Hubble { get; init; }

    /// <summary>Transparent encryption.</summary>
    public EncryptionStatus? Encryption { get; init; }

    /// <summary>Bandwidth limits of pods.</summary>
    public BandwidthStatus? BandwidthManager { get; init; }

    /// <summary>Maps and their capacity.</summary>
    public BpfMapStatus? BpfMaps { get; init; }

    /// <summary>Probes that have not answered for long, with the time they were started.</summary>
    public IReadOnlyDictionary<string, string>? Stale { get; init; }
}

/// <summary>The connection to the API server.</summary>
public sealed record K8sStatus
{
    /// <summary><c>Ok</c> or <c>Failure</c>.</summary>
    public string? State { get; init; }

    /// <summary>The server's version, or the error.</summary>
    public string? Msg { get; init; }

    /// <summary>The resources watched.</summary>
    [JsonPropertyName("k8s-api-versions")]
    public IReadOnlyList<string>? K8sApiVersions { get; init; }
}

/// <summary>CNI chaining.</summary>
public sealed record CniChainingStatus
{
    /// <summary><c>none</c>, or the name of the other plugin.</summary>
    public string? Mode { get; init; }
}

/// <summary>The host firewall.</summary>
public sealed record HostFirewall
{
    /// <summary><c>Enabled</c> or <c>Disabled</c>.</summary>
    public string? Mode { get; init; }

    /// <summary>Devices it guards.</summary>
    public IReadOnlyList<string>? Devices { get; init; }
}

/// <summary>The event ring.</summary>
public sealed record MonitorStatus
{
    /// <summary>Processors.</summary>
    public int Cpus { get; init; }

    /// <summary>Pages of the ring.</summary>
    public int Npages { get; init; }

    /// <summary>Bytes of a page.</summary>
    public int Pagesize { get; init; }

    /// <summary>Events lost because the ring was full.</summary>
    public long Lost { get; init; }

    /// <summary>Events of unknown kind.</summary>
    public long Unknown { get; init; }
}

/// <summary>How packets travel between and within nodes.</summary>
public sealed record RoutingStatus
{
    /// <summary><c>BPF</c> or <c>Legacy</c>.</summary>
    public string? IntraHostRoutingMode { get; init; }

    /// <summary><c>Tunnel</c> or <c>Native</c>.</summary>
    public string? InterHostRoutingMode { get; init; }

    /// <summary><c>vxlan</c>; empty when native.</summary>
    public string? TunnelProtocol { get; init; }
}

/// <summary>Source translation towards the outside.</summary>
public sealed record MasqueradingStatus
{
    /// <summary><c>BPF</c> or <c>iptables</c>.</summary>
    public string? Mode { get; init; }

    /// <summary>True when any family is translated.</summary>
    public bool Enabled { get; init; }

    /// <summary>Which families are translated.</summary>
    [JsonPropertyName("enabledProtocols")]
    public FamilySwitches? EnabledProtocols { get; init; }

    /// <summary>IPv4 destinations that keep the pod's address.</summary>
    [JsonPropertyName("snatExclusionCidrV4")]
    public string? SnatExclusionCidrV4 { get; init; }

    /// <summary>IPv6 destinations that keep the pod's address.</summary>
    [JsonPropertyName("snatExclusionCidrV6")]
    public string? SnatExclusionCidrV6 { get; init; }
}

/// <summary>A switch for each address family.</summary>
public sealed record FamilySwitches
{
    /// <summary>IPv4.</summary>
    public bool Ipv4 { get; init; }

    /// <summary>IPv6.</summary>
    public bool Ipv6 { get; init; }
}

/// <summary>The clock of BPF timers.</summary>
public sealed record ClockSource
{
    /// <summary><c>ktime</c> or <c>jiffies</c>.</summary>
    public string? Mode { get; init; }

    /// <summary>Ticks in a second, for jiffies.</summary>
    public int? Hertz { get; init; }
}

/// <summary>The L7 proxy.</summary>
public sealed record ProxyStatus
{
    /// <summary>The address proxies answer from.</summary>
    public string? Ip { get; init; }

    /// <summary>Ports of listeners.</summary>
    public string? PortRange { get; init; }

    /// <summary>Redirects in force.</summary>
    public int TotalRedirects { get; init; }

    /// <summary><c>embedded</c>, <c>external</c> or <c>disabled</c>.</summary>
    public string? EnvoyDeploymentMode { get; init; }
}

/// <summary>Numeric range of cluster-wide identities.</summary>
public sealed record IdentityRange
{
    /// <summary>The smallest.</summary>
    public long MinIdentity { get; init; }

    /// <summary>The largest.</summary>
    public long MaxIdentity { get; init; }
}

/// <summary>Transparent encryption.</summary>
public sealed record EncryptionStatus
{
    /// <summary><c>Disabled</c>, <c>Wireguard</c> or <c>IPsec</c>.</summary>
    public string? Mode { get; init; }

    /// <summary>Detail.</summary>
    public string? Msg { get; init; }
}

/// <summary>Bandwidth limits of pods.</summary>
public sealed record BandwidthStatus
{
    /// <summary>True when limits are enforced.</summary>
    public bool Enabled { get; init; }
}

/// <summary>Maps and their capacity.</summary>
public sealed record BpfMapStatus
{
    /// <summary>Share of memory maps are sized by; 0 for fixed sizes.</summary>
    public double DynamicSizeRatio { get; init; }

    /// <summary>The maps.</summary>
    public IReadOnlyList<BpfMapProperties>? Maps { get; init; }
}

/// <summary>One map.</summary>
public sealed record BpfMapProperties
{
    /// <summary>Its name in words.</summary>
    public string? Name { get; init; }

    /// <summary>Most entries.</summary>
    public long Size { get; init; }
}
