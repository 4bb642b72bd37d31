using System.Text;
using Cilium.Core;

namespace Cilium.Hosts.Cni.Devices;

/// <summary>How a pod's device is to be: everything known before it is created.</summary>
internal sealed record PodDevice
{
    public required string HostName { get; init; }

    public required string PodName { get; init; }

    public required MacAddress HostMac { get; init; }

    public required MacAddress PodMac { get; init; }

    /// <summary>MTU of both sides in bytes.</summary>
    public required int DeviceMtu { get; init; }

    /// <summary>MTU of the default route in bytes: what fits after encapsulation.</summary>
    public required int RouteMtu { get; init; }

    /// <summary>Addresses with their gateways.</summary>
    public required IReadOnlyList<(IpAddr Address, IpAddr Gateway)> Addresses { get; init; }

    public int GsoMaxSize { get; init; }

    public int GroMaxSize { get; init; }

    /// <summary>Name of the host side: <c>lxc</c> with the first 12 hexadecimal digits of SHA-256 of <c>container:interface</c>, as upstream.</summary>
    public static string HostNameOf(string containerId, string interfaceName) =>
        "lxc" + Convert.ToHexStringLower(Sha256.HashOf(Encoding.UTF8.GetBytes($"{containerId}:{interfaceName}")).AsSpan(0, 6));
}
