using System.Text.Json.Serialization;

namespace Cilium.Api;

/// <summary>One frontend of a service with its backends.</summary>
public sealed record ServiceModel
{
    /// <summary>What is wanted.</summary>
    public ServiceSpec? Spec { get; init; }

    /// <summary>What is in force.</summary>
    public ServiceStatus? Status { get; init; }
}

/// <summary>What is in force of a frontend.</summary>
public sealed record ServiceStatus
{
    /// <summary>The frontend as realized.</summary>
    public ServiceSpec? Realized { get; init; }
}

/// <summary>One frontend.</summary>
public sealed record ServiceSpec
{
    /// <summary>The number of the frontend on this node.</summary>
    public long Id { get; init; }

    /// <summary>The frontend.</summary>
    public FrontendAddress? FrontendAddress { get; init; }

    /// <summary>The backends.</summary>
    public IReadOnlyList<BackendAddress>? BackendAddresses { get; init; }

    /// <summary>Which service it is and how it treats traffic.</summary>
    public ServiceSpecFlags? Flags { get; init; }
}

/// <summary>A frontend's address.</summary>
public sealed record FrontendAddress
{
    /// <summary>The address.</summary>
    public string? Ip { get; init; }

    /// <summary>The port.</summary>
    public int Port { get; init; }

    /// <summary><c>TCP</c>, <c>UDP</c> or <c>SCTP</c>.</summary>
    public string? Protocol { get; init; }

    /// <summary><c>external</c> or <c>internal</c>.</summary>
    public string? Scope { get; init; }
}

/// <summary>A backend's address.</summary>
public sealed record BackendAddress
{
    /// <summary>The address.</summary>
    public string? Ip { get; init; }

    /// <summary>The port.</summary>
    public int Port { get; init; }

    /// <summary><c>TCP</c>, <c>UDP</c> or <c>SCTP</c>.</summary>
    public string? Protocol { get; init; }

    /// <summary><c>active</c>, <c>terminating</c>, <c>quarantined</c> or <c>maintenance</c>.</summary>
    public string? State { get; init; }

    /// <summary>Its node.</summary>
    [JsonPropertyName("nodeName")]
    public string? NodeName { get; init; }

    /// <summary>True when it is preferred by affinity.</summary>
    public bool? Preferred { get; init; }
}

/// <summary>Which service a frontend belongs to and how it treats traffic.</summary>
public sealed record ServiceSpecFlags
{
    /// <summary><c>ClusterIP</c>, <c>NodePort</c>, ...</summary>
    public string? Type { get; init; }

    /// <summary>The service's name.</summary>
    public string? Name { get; init; }

    /// <summary>The service's namespace.</summary>
    public string? Namespace { get; init; }

    /// <summary>Where the service is from; empty for this cluster.</summary>
    public string? Cluster { get; init; }

    /// <summary>Traffic policy from outside.</summary>
    [JsonPropertyName("extTrafficPolicy")]
    public string? ExtTrafficPolicy { get; init; }

    /// <summary>Traffic policy from inside.</summary>
    [JsonPropertyName("intTrafficPolicy")]
    public string? IntTrafficPolicy { get; init; }
}
