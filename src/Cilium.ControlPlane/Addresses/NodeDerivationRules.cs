using Cilium.Core;
using Cilium.Datapath;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Addresses;

/// <summary>What both the address and the node derivation must decide alike.</summary>
internal static class NodeDerivationRules
{
    /// <summary>Where packets to a node's pods are sent: its underlay address, IPv4 before IPv6 unless told otherwise, or none when routed natively.</summary>
    public static IpAddr TunnelEndpointOf(CiliumNodeRow node, DatapathOptions options)
    {
        if (!options.EnableTunnel)
        {
            return IpAddr.None;
        }

        var ipv4 = node.AddressOf(NodeAddress.InternalIP, ipv4: true);
        var ipv6 = node.AddressOf(NodeAddress.InternalIP, ipv4: false);
        return options.TunnelsOverIPv6(ipv4, ipv6) ? ipv6 : ipv4;
    }
}
