using Cilium.Core;

namespace Cilium.Kubernetes;

/// <summary>One slice of the endpoints of a service. A service may have many.</summary>
public sealed record EndpointSliceRow
{
    /// <summary>The namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>The name of the slice.</summary>
    public required string Name { get; init; }

    /// <summary>The service, from the label <c>kubernetes.io/service-name</c>; empty for slices of none.</summary>
    public string ServiceName { get; init; } = "";

    /// <summary>The ports that every endpoint of the slice serves.</summary>
    public EquatableArray<EndpointPort> Ports { get; init; }

    /// <summary>The endpoints.</summary>
    public EquatableArray<SliceEndpoint> Endpoints { get; init; }

    /// <summary>The key of the row.</summary>
    public NamespacedName Key => new(Namespace, Name);

    /// <summary>The key of the service's row.</summary>
    public NamespacedName Service => new(Namespace, ServiceName);
}

/// <summary>A port of a slice.</summary>
/// <param name="Name">The name, equal to the service port's name.</param>
/// <param name="Protocol">TCP, UDP or SCTP.</param>
/// <param name="Port">The port at the backend, in host order.</param>
public readonly record struct EndpointPort(string Name, L4Protocol Protocol, ushort Port);

/// <summary>An endpoint of a slice.</summary>
public sealed record SliceEndpoint
{
    /// <summary>The addresses; consumers use all.</summary>
    public EquatableArray<IpAddr> Addresses { get; init; }

    /// <summary>The condition <c>ready</c>; an unknown one counts as true.</summary>
    public bool IsReady { get; init; } = true;

    /// <summary>The condition <c>serving</c>; an unknown one is that of <c>ready</c>.</summary>
    public bool IsServing { get; init; } = true;

    /// <summary>The condition <c>terminating</c>.</summary>
    public bool IsTerminating { get; init; }

    /// <summary>The node of the endpoint; empty when unknown.</summary>
    public string NodeName { get; init; } = "";

    /// <summary>The zone; empty when unknown.</summary>
    public string Zone { get; init; } = "";

    /// <summary>The name of the pod it targets, in the slice's namespace; empty when none.</summary>
    public string PodName { get; init; } = "";

    /// <summary>The zones that should prefer it.</summary>
    public EquatableArray<string> HintZones { get; init; }
}
