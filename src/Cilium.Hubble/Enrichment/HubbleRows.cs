using Cilium.Core;

namespace Cilium.Hubble.Enrichment;

/// <summary>A controller that a pod belongs to.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Its kind, for example <c>Deployment</c>.</param>
public readonly record struct HubbleWorkload(string Name, string Kind);

/// <summary>What flows tell of the owner of an address: a pod here or on another node, or the node itself.</summary>
public sealed record HubbleEndpoint
{
    /// <summary>The endpoint's number, if it is local; else 0.</summary>
    public EndpointId Id { get; init; }

    /// <summary>The security identity.</summary>
    public required Identity Identity { get; init; }

    /// <summary>The pod's namespace; empty for what is no pod.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>The pod's name; empty for what is no pod.</summary>
    public string PodName { get; init; } = "";

    /// <summary>The controllers of the pod, outermost.</summary>
    public EquatableArray<HubbleWorkload> Workloads { get; init; }
}

/// <summary>The addresses of a pod's network namespace.</summary>
/// <param name="IPv4">Its IPv4 address, or <see cref="IpAddr.None"/>.</param>
/// <param name="IPv6">Its IPv6 address, or <see cref="IpAddr.None"/>.</param>
public readonly record struct HubbleNamespace(IpAddr IPv4, IpAddr IPv6)
{
    /// <summary>The address of a family, or the other family's when there is none.</summary>
    public IpAddr AddressOf(bool isIPv6) => (isIPv6 && !IPv6.IsNone) || IPv4.IsNone ? IPv6 : IPv4;
}

/// <summary>A Kubernetes service by name.</summary>
/// <param name="Namespace">Its namespace.</param>
/// <param name="Name">Its name.</param>
public sealed record HubbleService(string Namespace, string Name);
