using Cilium.Core;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Health;

/// <summary>What is probed of one node.</summary>
/// <param name="Name">The Kubernetes name.</param>
/// <param name="Host">The node's own addresses, IPv4 first.</param>
/// <param name="Endpoint">Those of its health endpoint; none when it has none or they are not asked.</param>
internal sealed record HealthTarget(string Name, EquatableArray<IpAddr> Host, EquatableArray<IpAddr> Endpoint)
{
    /// <summary>Reads it from a node's object. Addresses of families that are off are left out, unless the node has no other.</summary>
    public static HealthTarget Of(CiliumNodeRow node, bool hasIPv4, bool hasIPv6, bool asksEndpoints)
    {
        var addresses = node.Addresses.Where(address => address.Type == NodeAddress.InternalIP).Select(address => address.Address).Where(IsSomebody).Distinct().ToList();
        var host = addresses.FindAll(IsOn);
        return new HealthTarget(
            node.Name,
            (host.Count > 0 ? host : addresses).OrderBy(address => address.IsIPv6).ToEquatableArray(),
            asksEndpoints ? node.HealthIPs.Where(address => IsSomebody(address) && IsOn(address)).OrderBy(address => address.IsIPv6).ToEquatableArray() : default);

        // Nobody can be asked at 0.0.0.0 or ::, whoever wrote that.
        static bool IsSomebody(IpAddr address) => !address.IsNone && (!address.IsIPv4 || address.IPv4Value != 0);
        bool IsOn(IpAddr address) => address.IsIPv4 ? hasIPv4 : hasIPv6;
    }
}
