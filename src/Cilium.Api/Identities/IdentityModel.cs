using System.Text.Json.Serialization;

namespace Cilium.Api;

/// <summary>A security identity: its number and labels.</summary>
public sealed record IdentityModel
{
    /// <summary>The number.</summary>
    public long Id { get; init; }

    /// <summary>The labels, <c>source:key=value</c>, sorted.</summary>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary>SHA-256 of the labels in hexadecimal.</summary>
    [JsonPropertyName("labelsSHA256")]
    public string? LabelsSha256 { get; init; }
}

/// <summary>An identity with the number of endpoints of this node that have it.</summary>
public sealed record IdentityEndpoints
{
    /// <summary>The identity.</summary>
    public IdentityModel? Identity { get; init; }

    /// <summary>Endpoints that have it.</summary>
    [JsonPropertyName("refCount")]
    public int RefCount { get; init; }
}
