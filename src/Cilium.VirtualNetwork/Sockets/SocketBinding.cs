using Cilium.Core;

namespace Cilium.VirtualNetwork.Sockets;

/// <summary>Where a socket receives, and whose it is. Without an address it receives at all of both families.</summary>
public sealed record SocketBinding
{
    /// <summary>The only address it receives at, which also says its family; <c>0.0.0.0</c> for all of IPv4. None for all of both.</summary>
    public IpAddr Address { get; init; }

    /// <summary>The port; 0 for a free one.</summary>
    public ushort Port { get; init; }

    /// <summary>The only device it receives from (SO_BINDTODEVICE); null for all.</summary>
    public VirtualInterface? Device { get; init; }

    /// <summary>Whether it receives no IPv4 (IPV6_V6ONLY). Of one with an address of IPv4 it says nothing.</summary>
    public bool IsIPv6Only { get; init; }

    /// <summary>Whether others that say so too may have the same port (SO_REUSEPORT).</summary>
    public bool SharesPort { get; init; }

    /// <summary>The control group whose programs see its calls; null for the node's root.</summary>
    public VirtualCgroup? Cgroup { get; init; }

    internal bool IsIPv4 => Address.IsIPv4;

    /// <summary>Whether it receives at any address of its family.</summary>
    internal bool IsWildcard => Address.IsNone || (Address.IsIPv4 && Address.IPv4Value == 0);

    /// <summary>Whether two bindings of the same protocol and port cannot be at the same time.</summary>
    internal bool Conflicts(SocketBinding other)
    {
        if ((SharesPort && other.SharesPort) || (Device is not null && other.Device is not null && !ReferenceEquals(Device, other.Device)))
            return false;
        if (IsIPv4 != other.IsIPv4)
        {
            // One of IPv6 gets IPv4 only where it receives at any address.
            var ofIPv6 = IsIPv4 ? other : this;
            return ofIPv6.IsWildcard && !ofIPv6.IsIPv6Only;
        }
        return IsWildcard || other.IsWildcard || Address == other.Address;
    }
}
