using System.Text.Json.Serialization;

namespace Cilium.Api;

/// <summary>What is known of a prefix: one row of <c>GET /ip</c>.</summary>
public sealed record IpListEntry
{
    /// <summary>The prefix.</summary>
    public string? Cidr { get; init; }

    /// <summary>The identity.</summary>
    public long Identity { get; init; }

    /// <summary>The node behind which it is.</summary>
    [JsonPropertyName("hostIP")]
    public string? HostIp { get; init; }

    /// <summary>Key of transparent encryption; 0 for none.</summary>
    [JsonPropertyName("encryptKey")]
    public int EncryptKey { get; init; }

    /// <summary>Where it is known from.</summary>
    public IpListEntryMetadata? Metadata { get; init; }
}

/// <summary>Where an address is known from.</summary>
public sealed record IpListEntryMetadata
{
    /// <summary><c>custom-resource</c>, <c>local</c>, <c>generated</c>, ...</summary>
    public string? Source { get; init; }

    /// <summary>Namespace of the pod.</summary>
    public string? Namespace { get; init; }

    /// <summary>Name of the pod.</summary>
    public string? Name { get; init; }
}
