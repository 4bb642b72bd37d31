using Cilium.Core;

namespace Cilium.Kubernetes;

/// <summary>A pod, as far as networking needs it.</summary>
public sealed record PodRow
{
    /// <summary>The namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>The object's uid.</summary>
    public required string Uid { get; init; }

    /// <summary>Of the mirror of a static pod, the uid by which the kubelet and CNI know it (annotation <c>kubernetes.io/config.mirror</c>); else empty.</summary>
    public string StaticUid { get; init; } = "";

    /// <summary>The node it is bound to; empty before scheduling.</summary>
    public string NodeName { get; init; } = "";

    /// <summary><c>Pending</c>, <c>Running</c>, <c>Succeeded</c>, <c>Failed</c> or <c>Unknown</c>.</summary>
    public string Phase { get; init; } = "";

    /// <summary>Its addresses as the status tells them.</summary>
    public EquatableArray<IpAddr> PodIPs { get; init; }

    /// <summary>The addresses of its node as the status tells them.</summary>
    public EquatableArray<IpAddr> HostIPs { get; init; }

    /// <summary>True when the pod lives in the node's network namespace.</summary>
    public bool HostNetwork { get; init; }

    /// <summary>The labels as written.</summary>
    public StringMap Labels { get; init; } = StringMap.Empty;

    /// <summary>The annotations that concern networking (keys with <c>cilium.io</c>, and bandwidth).</summary>
    public StringMap Annotations { get; init; } = StringMap.Empty;

    /// <summary>The service account; <c>default</c> when none is written.</summary>
    public string ServiceAccount { get; init; } = "";

    /// <summary>The ports of its containers, named or not.</summary>
    public EquatableArray<ContainerPort> Ports { get; init; }

    /// <summary>True once deletion was requested.</summary>
    public bool IsTerminating { get; init; }

    /// <summary>The kind of what the user made it by: <c>Deployment</c>, <c>DaemonSet</c>, ...; empty for a bare pod.</summary>
    public string WorkloadKind { get; init; } = "";

    /// <summary>The name of what the user made it by; empty for a bare pod.</summary>
    public string WorkloadName { get; init; } = "";

    /// <summary>The key of the row.</summary>
    public NamespacedName Key => new(Namespace, Name);

    /// <summary>True when a uid that the container runtime states is this pod's; an empty one says nothing, and fits.</summary>
    public bool HasUid(string stated)
    {
        ArgumentNullException.ThrowIfNull(stated);
        return stated.Length == 0 || stated == Uid || stated == StaticUid;
    }

    /// <summary>True when it will never run again, so that its addresses are free.</summary>
    public bool IsFinished => Phase is "Succeeded" or "Failed";
}

/// <summary>A port of a container, or a named port of an endpoint.</summary>
/// <param name="Name">The name; may be empty.</param>
/// <param name="Port">The port, in host order.</param>
/// <param name="Protocol">TCP, UDP or SCTP.</param>
/// <param name="HostPort">The port claimed on the node, or 0.</param>
public readonly record struct ContainerPort(string Name, ushort Port, L4Protocol Protocol, ushort HostPort = 0);
