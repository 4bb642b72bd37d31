using Cilium.Core;

namespace Cilium.Kubernetes;

/// <summary>What an agent tells about one endpoint.</summary>
public sealed record CiliumEndpointContent
{
    /// <summary>The namespace of the pod.</summary>
    public required string Namespace { get; init; }

    /// <summary>The name of the pod.</summary>
    public required string Name { get; init; }

    /// <summary>The uid of the pod, which becomes the owner; empty for no owner.</summary>
    public string PodUid { get; init; } = "";

    /// <summary>The endpoint's number.</summary>
    public EndpointId Id { get; init; }

    /// <summary><c>creating</c>, <c>waiting-for-identity</c>, <c>regenerating</c>, <c>ready</c>, ...</summary>
    public string State { get; init; } = "";

    /// <summary>The identity; <see cref="Core.Identity.Unknown"/> writes none.</summary>
    public Identity Identity { get; init; }

    /// <summary>The labels behind the identity.</summary>
    public LabelSet IdentityLabels { get; init; } = LabelSet.Empty;

    /// <summary>The IPv4 address, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr IPv4 { get; init; }

    /// <summary>The IPv6 address, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr IPv6 { get; init; }

    /// <summary>The address of the node.</summary>
    public IpAddr NodeIP { get; init; }

    /// <summary>The container id; empty when unknown.</summary>
    public string ContainerId { get; init; } = "";

    /// <summary><c>container-id:interface</c>; empty when unknown.</summary>
    public string CniAttachmentId { get; init; } = "";

    /// <summary>The named ports; nameless ones are left out.</summary>
    public EquatableArray<ContainerPort> NamedPorts { get; init; }

    /// <summary>True when ingress policy drops what it does not allow.</summary>
    public bool IsIngressEnforcing { get; init; }

    /// <summary>True when egress policy drops what it does not allow.</summary>
    public bool IsEgressEnforcing { get; init; }

    /// <summary>The service account of the pod.</summary>
    public string ServiceAccount { get; init; } = "";

    /// <summary>The key of the object.</summary>
    public NamespacedName Key => new(Namespace, Name);
}
