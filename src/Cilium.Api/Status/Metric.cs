namespace Cilium.Api;

/// <summary>One value of <c>GET /metrics/</c>.</summary>
public sealed record Metric
{
    /// <summary>The name.</summary>
    public string? Name { get; init; }

    /// <summary>The labels.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>The value.</summary>
    public double Value { get; init; }
}
