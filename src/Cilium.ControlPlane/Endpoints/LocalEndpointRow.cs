using Cilium.Core;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>A pod's device as the CNI plugin made it; lives until DEL.</summary>
public sealed record LocalEndpointRow
{
    /// <summary>The number on this node.</summary>
    public required EndpointId Id { get; init; }

    /// <summary>The sandbox.</summary>
    public required string ContainerId { get; init; }

    /// <summary>The device's name in the pod.</summary>
    public required string ContainerInterfaceName { get; init; }

    /// <summary>The host side's name.</summary>
    public required string InterfaceName { get; init; }

    /// <summary>The host side's kernel index.</summary>
    public required int InterfaceIndex { get; init; }

    /// <summary>The pod side's Ethernet address.</summary>
    public required MacAddress PodMac { get; init; }

    /// <summary>The host side's Ethernet address.</summary>
    public required MacAddress HostMac { get; init; }

    /// <summary>The IPv4 address, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr IPv4 { get; init; }

    /// <summary>The IPv6 address, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr IPv6 { get; init; }

    /// <summary>Namespace of the pod; empty outside Kubernetes.</summary>
    public string PodNamespace { get; init; } = "";

    /// <summary>Name of the pod; empty outside Kubernetes.</summary>
    public string PodName { get; init; } = "";

    /// <summary>UID of the pod as the runtime told it; may be empty.</summary>
    public string PodUid { get; init; } = "";

    /// <summary>Path of the pod's network namespace.</summary>
    public string NetnsPath { get; init; } = "";

    /// <summary>Cookie of the pod's network namespace; 0 when unknown.</summary>
    public ulong NetnsCookie { get; init; }

    /// <summary>When it was created.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>The identity of an endpoint that the agent itself made; <see cref="Identity.Unknown"/> for pods, whose labels decide.</summary>
    /// <remarks>Such an endpoint has no sandbox, is not kept on disk and has no CiliumEndpoint.</remarks>
    public Identity ReservedIdentity { get; init; }

    /// <summary>True when it was read from disk at start and no pod has been seen for it yet.</summary>
    public bool IsRestored { get; init; }

    /// <summary>The pod's key.</summary>
    public NamespacedName Pod => new(PodNamespace, PodName);

    /// <summary><c>container:interface</c>.</summary>
    public string AttachmentId => $"{ContainerId}:{ContainerInterfaceName}";

    /// <summary>Who has its addresses in the pools: <c>namespace/pod</c>, the sandbox outside Kubernetes, or the name of the reserved identity.</summary>
    public string Owner => PodName.Length > 0 ? Pod.ToString() : ReservedIdentity.ReservedName ?? ContainerId;

    /// <summary>Its addresses.</summary>
    public IEnumerable<IpAddr> Addresses()
    {
        if (!IPv4.IsNone)
        {
            yield return IPv4;
        }

        if (!IPv6.IsNone)
        {
            yield return IPv6;
        }
    }
}
