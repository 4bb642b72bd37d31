using Cilium.Core;

namespace Cilium.ControlPlane.Health;

/// <summary>The addresses that this node's health endpoint has or is to have.</summary>
/// <param name="NodeName">This node.</param>
/// <param name="IPv4">The IPv4 address, or <see cref="IpAddr.None"/>.</param>
/// <param name="IPv6">The IPv6 address, or <see cref="IpAddr.None"/>.</param>
public sealed record HealthAddressRow(string NodeName, IpAddr IPv4, IpAddr IPv6)
{
    /// <summary>Its addresses.</summary>
    public IEnumerable<IpAddr> Addresses() => new[] { IPv4, IPv6 }.Where(address => !address.IsNone);
}
