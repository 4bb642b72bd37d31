using Cilium.Core;

namespace Cilium.VirtualNetwork;

/// <summary>An address with a port.</summary>
/// <param name="Address">The address.</param>
/// <param name="Port">The port, in host order.</param>
public readonly record struct Endpoint(IpAddr Address, ushort Port)
{
    /// <summary><c>address:port</c>, IPv6 in brackets.</summary>
    public override string ToString() => Address.IsIPv4 ? $"{Address}:{Port}" : $"[{Address}]:{Port}";
}
