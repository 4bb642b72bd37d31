using Cilium.Core;

namespace Cilium.Kubernetes;

/// <summary>A Kubernetes service.</summary>
public sealed record ServiceRow
{
    /// <summary>The namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>The object's uid.</summary>
    public string Uid { get; init; } = "";

    /// <summary><c>ClusterIP</c>, <c>NodePort</c>, <c>LoadBalancer</c> or <c>ExternalName</c>.</summary>
    public string Type { get; init; } = "ClusterIP";

    /// <summary>True for <c>clusterIP: None</c>.</summary>
    public bool IsHeadless { get; init; }

    /// <summary>When it was created.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>The families in their order: <c>IPv4</c>, <c>IPv6</c>.</summary>
    public EquatableArray<string> IPFamilies { get; init; }

    /// <summary><c>SingleStack</c>, <c>PreferDualStack</c> or <c>RequireDualStack</c>; empty when not written.</summary>
    public string IPFamilyPolicy { get; init; } = "";

    /// <summary>The address of <c>spec.loadBalancerIP</c>; empty when not written.</summary>
    public string RequestedLoadBalancerIP { get; init; } = "";

    /// <summary>The conditions of the status.</summary>
    public EquatableArray<StatusCondition> Conditions { get; init; }

    /// <summary>The cluster addresses, one per family; empty for headless and ExternalName services.</summary>
    public EquatableArray<IpAddr> ClusterIPs { get; init; }

    /// <summary>The external addresses of the spec.</summary>
    public EquatableArray<IpAddr> ExternalIPs { get; init; }

    /// <summary>The load balancer addresses of the status, without those that only the load balancer itself serves (<c>ipMode: Proxy</c>).</summary>
    public EquatableArray<IpAddr> LoadBalancerIPs { get; init; }

    /// <summary>The ports.</summary>
    public EquatableArray<ServicePort> Ports { get; init; }

    /// <summary>The pod selector; empty when the endpoints come from elsewhere.</summary>
    public StringMap Selector { get; init; } = StringMap.Empty;

    /// <summary>The labels as written.</summary>
    public StringMap Labels { get; init; } = StringMap.Empty;

    /// <summary>The annotations with <c>cilium.io</c> in their keys.</summary>
    public StringMap Annotations { get; init; } = StringMap.Empty;

    /// <summary>The time a client sticks to a backend; zero when it does not.</summary>
    public TimeSpan SessionAffinity { get; init; }

    /// <summary>True for <c>externalTrafficPolicy: Local</c>.</summary>
    public bool ExternalTrafficIsLocal { get; init; }

    /// <summary>True for <c>internalTrafficPolicy: Local</c>.</summary>
    public bool InternalTrafficIsLocal { get; init; }

    /// <summary>True when endpoints that are not ready count as ready.</summary>
    public bool PublishNotReadyAddresses { get; init; }

    /// <summary>The load balancer class; empty when none.</summary>
    public string LoadBalancerClass { get; init; } = "";

    /// <summary>The client prefixes that may use load balancer addresses; empty for all.</summary>
    public EquatableArray<Prefix> SourceRanges { get; init; }

    /// <summary>The port of the health check for local traffic policy, or 0.</summary>
    public ushort HealthCheckNodePort { get; init; }

    /// <summary><c>PreferClose</c> or empty.</summary>
    public string TrafficDistribution { get; init; } = "";

    /// <summary>The key of the row.</summary>
    public NamespacedName Key => new(Namespace, Name);
}

/// <summary>A port of a service.</summary>
/// <param name="Name">The name; empty for a single port.</param>
/// <param name="Protocol">TCP, UDP or SCTP.</param>
/// <param name="Port">The port of the service, in host order.</param>
/// <param name="TargetPort">The pods' port as number or name; equal to <paramref name="Port"/> when not written.</param>
/// <param name="NodePort">The port on every node, or 0.</param>
public readonly record struct ServicePort(string Name, L4Protocol Protocol, ushort Port, string TargetPort, ushort NodePort);
