using Cilium.Core;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>A port of an endpoint's pod on disk.</summary>
public sealed record EndpointPortRecord
{
    /// <summary>The name; empty for none.</summary>
    public required string Name { get; init; }

    /// <summary>The number.</summary>
    public ushort Port { get; init; }

    /// <summary>The IP protocol's number.</summary>
    public byte Protocol { get; init; }

    /// <summary>The node's port in front of it; 0 for none.</summary>
    public ushort HostPort { get; init; }

    /// <summary>The record of a port.</summary>
    public static EndpointPortRecord Of(ContainerPort port) =>
        new() { Name = port.Name, Port = port.Port, Protocol = (byte)port.Protocol, HostPort = port.HostPort };

    /// <summary>The port of the record.</summary>
    public ContainerPort ToPort() => new(Name, Port, (L4Protocol)Protocol, HostPort);
}
