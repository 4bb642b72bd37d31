using System.Text.Json.Serialization;

namespace Cilium.Api;

/// <summary>What <c>GET /status</c> of the health socket answers: which nodes this one reaches.</summary>
/// <remarks>Source: upstream's <c>api/v1/health</c>, version <c>v1beta</c>.</remarks>
public sealed record HealthStatusResponse
{
    /// <summary>This node.</summary>
    public HealthSelf? Local { get; init; }

    /// <summary>All nodes, this one included.</summary>
    public IReadOnlyList<NodeHealth>? Nodes { get; init; }

    /// <summary>When the last round ended, RFC 3339; empty before the first.</summary>
    public string? Timestamp { get; init; }

    /// <summary>Time between rounds, as Go writes durations: <c>1m36.566274746s</c>.</summary>
    [JsonPropertyName("probeInterval")]
    public string? ProbeInterval { get; init; }
}

/// <summary>The node that probes.</summary>
public sealed record HealthSelf
{
    /// <summary><c>cluster/node</c>.</summary>
    public string? Name { get; init; }
}

/// <summary>How one node answers.</summary>
public sealed record NodeHealth
{
    /// <summary><c>cluster/node</c>.</summary>
    public string? Name { get; init; }

    /// <summary>At the node's own addresses.</summary>
    public HealthPaths? Host { get; init; }

    /// <summary>At its health endpoint, reached as pods are; null when the node has none.</summary>
    public HealthPaths? HealthEndpoint { get; init; }

    /// <summary>True when everything answered at the primary addresses.</summary>
    [JsonIgnore]
    public bool IsReachable => Host?.PrimaryAddress is { IsOk: true } && HealthEndpoint is null or { PrimaryAddress.IsOk: true };
}

/// <summary>The addresses of one place.</summary>
public sealed record HealthPaths
{
    /// <summary>The first address.</summary>
    public PathHealth? PrimaryAddress { get; init; }

    /// <summary>The others.</summary>
    public IReadOnlyList<PathHealth>? SecondaryAddresses { get; init; }
}

/// <summary>How one address answers.</summary>
public sealed record PathHealth
{
    /// <summary>The address.</summary>
    public string? Ip { get; init; }

    /// <summary>The kernel's answer to an echo request.</summary>
    public ProbeResult? Icmp { get; init; }

    /// <summary>The agent's answer to <c>GET /hello</c>.</summary>
    public ProbeResult? Http { get; init; }

    /// <summary>True when both answered.</summary>
    [JsonIgnore]
    public bool IsOk => Icmp is { IsOk: true } && Http is { IsOk: true };
}

/// <summary>The result of one probe.</summary>
public sealed record ProbeResult
{
    /// <summary>Nanoseconds until the answer; 0 when there was none.</summary>
    public long Latency { get; init; }

    /// <summary>What went wrong; empty for nothing.</summary>
    public string Status { get; init; } = "";

    /// <summary>When it was tried, RFC 3339.</summary>
    [JsonPropertyName("lastProbed")]
    public string? LastProbed { get; init; }

    /// <summary>True when it was answered.</summary>
    [JsonIgnore]
    public bool IsOk => Status.Length == 0;
}
