using Cilium.Core;

namespace Cilium.Datapath.Endpoints;

/// <summary>The desired state of one local endpoint in the datapath: a pod's device and how its packets are treated.</summary>
/// <remarks>Written by the control plane; carried to maps and devices by the endpoint reconciler.</remarks>
public sealed record EndpointRow
{
    /// <summary>The endpoint's number on this node.</summary>
    public required EndpointId Id { get; init; }

    /// <summary>Name of the host side of the pod's veth pair (<c>lxc...</c>).</summary>
    public required string InterfaceName { get; init; }

    /// <summary>Kernel index of that device.</summary>
    public required int InterfaceIndex { get; init; }

    /// <summary>Ethernet address of the pod's side.</summary>
    public required MacAddress PodMac { get; init; }

    /// <summary>Ethernet address of the host side, which answers for the gateway.</summary>
    public required MacAddress HostMac { get; init; }

    /// <summary>The pod's IPv4 address, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr IPv4 { get; init; }

    /// <summary>The pod's IPv6 address, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr IPv6 { get; init; }

    /// <summary>A file that is the pod's network namespace; empty when it is not known.</summary>
    public string NetnsPath { get; init; } = "";

    /// <summary>Where packets from <see cref="IPv4"/> leave the node; null for wherever the main routing table says.</summary>
    public PodUplink? Uplink { get; init; }

    /// <summary>True when the pod reaches the world with its own IPv4 address.</summary>
    public bool SkipsIPv4Masquerade { get; init; }

    /// <summary>True when the pod reaches the world with its own IPv6 address.</summary>
    public bool SkipsIPv6Masquerade { get; init; }

    /// <summary>The security identity.</summary>
    public required Identity Identity { get; init; }

    /// <summary>Key of the compiled policy in the policy table; endpoints with equal content share it. Null: nothing is enforced.</summary>
    public PolicyContentKey? Policy { get; init; }
}
