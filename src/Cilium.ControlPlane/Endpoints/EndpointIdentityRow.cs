using Cilium.Core;
using Cilium.Kubernetes;
using Cilium.Policy;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Who an endpoint is: its identity, and what else its pod says that others need.</summary>
public sealed record EndpointIdentityRow
{
    /// <summary>The endpoint.</summary>
    public required EndpointId Id { get; init; }

    /// <summary>The identity; <see cref="Core.Identity.Init"/> until one of its own is known.</summary>
    public required Identity Identity { get; init; }

    /// <summary>The labels behind the identity.</summary>
    public required LabelSet Labels { get; init; }

    /// <summary>The pod's named ports, normalized.</summary>
    public EquatableArray<NamedPort> NamedPorts { get; init; }

    /// <summary>UID of the pod object; empty when the pod is not known.</summary>
    public string PodUid { get; init; } = "";

    /// <summary>The pod's service account.</summary>
    public string ServiceAccount { get; init; } = "";

    /// <summary>The named ports as CiliumEndpoints write them.</summary>
    public EquatableArray<ContainerPort> PodPorts { get; init; }
}
