using Cilium.Core;

namespace Cilium.Kubernetes;

/// <summary>A CiliumEndpoint: the addresses of a pod, and the identity behind them.</summary>
public sealed record CiliumEndpointRow
{
    /// <summary>The namespace, that of the pod.</summary>
    public required string Namespace { get; init; }

    /// <summary>The name, that of the pod.</summary>
    public required string Name { get; init; }

    /// <summary>The object's uid.</summary>
    public string Uid { get; init; } = "";

    /// <summary>When the object was created.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>The endpoint's number on its node.</summary>
    public EndpointId Id { get; init; }

    /// <summary>The endpoint's state: <c>ready</c>, ...</summary>
    public string State { get; init; } = "";

    /// <summary>The security identity; <see cref="Core.Identity.Unknown"/> before it is known.</summary>
    public Identity Identity { get; init; }

    /// <summary>All addresses of the endpoint.</summary>
    public EquatableArray<IpAddr> Addresses { get; init; }

    /// <summary>The address of the node that holds it, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr NodeIP { get; init; }

    /// <summary>The named ports.</summary>
    public EquatableArray<ContainerPort> NamedPorts { get; init; }

    /// <summary>The index of the key with which its node encrypts; 0 for none.</summary>
    public byte EncryptionKey { get; init; }

    /// <summary>The uid of the pod that owns it; empty when none.</summary>
    public string PodUid { get; init; } = "";

    /// <summary>The key of the row.</summary>
    public NamespacedName Key => new(Namespace, Name);
}
