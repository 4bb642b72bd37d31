using System.Text.Json.Serialization;

namespace Cilium.Api;

/// <summary>What <c>GET /healthz</c> of the health socket answers: this node itself.</summary>
public sealed record HealthResponse
{
    /// <summary>The agent.</summary>
    public StatusResponse? Cilium { get; init; }

    /// <summary>The machine's load; null where the kernel does not tell.</summary>
    public LoadResponse? SystemLoad { get; init; }

    /// <summary>How long the agent runs, as Go writes durations.</summary>
    public string? Uptime { get; init; }
}

/// <summary>Load averages as the kernel writes them.</summary>
public sealed record LoadResponse
{
    /// <summary>Over the last minute.</summary>
    [JsonPropertyName("last1min")]
    public string? Last1min { get; init; }

    /// <summary>Over the last five minutes.</summary>
    [JsonPropertyName("last5min")]
    public string? Last5min { get; init; }

    /// <summary>Over the last fifteen minutes.</summary>
    [JsonPropertyName("last15min")]
    public string? Last15min { get; init; }
}
