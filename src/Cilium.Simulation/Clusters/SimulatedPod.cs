using Cilium.Core;
using Cilium.Kubernetes;
using Cilium.Policy;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Clusters;

/// <summary>A pod of a simulated cluster.</summary>
public sealed class SimulatedPod
{
    /// <summary>The pod object, with the node and the addresses it got.</summary>
    public required PodRow Row { get; init; }

    /// <summary>Where it is.</summary>
    public required SimulatedNode Node { get; init; }

    /// <summary>The endpoint's number on its node.</summary>
    public required EndpointId Id { get; init; }

    /// <summary>The identity that its agent knows it by; <see cref="Identity.Unknown"/> before there is one, and when the pod is gone.</summary>
    public Identity Identity => Node.Tables.EndpointIdentities.TryGet(Id, out var row) ? row.Identity : Identity.Unknown;

    /// <summary>Whose policy it has.</summary>
    public required PolicySubject Subject { get; init; }

    /// <summary>Its network namespace.</summary>
    public required VirtualNamespace Namespace { get; init; }

    /// <summary>The host side of its pair of devices.</summary>
    public required VirtualInterface HostSide { get; init; }

    /// <summary>What its agent tells the API server of it.</summary>
    internal CiliumEndpointRow ToCiliumEndpoint(Identity identity) => new()
    {
        Namespace = Row.Namespace,
        Name = Row.Name,
        Id = Id,
        Identity = identity,
        Addresses = Row.PodIPs,
        NodeIP = Node.Local.IPv4.IsNone ? Node.Local.IPv6 : Node.Local.IPv4,
        NamedPorts = Row.Ports.Where(port => port.Name.Length > 0).ToEquatableArray(),
    };

    /// <inheritdoc/>
    public override string ToString() => Row.Key.ToString();
}
