namespace Cilium.Core;

/// <summary>The way of traffic as its subject endpoint sees it.</summary>
public enum TrafficDirection : byte
{
    /// <summary>Towards the endpoint.</summary>
    Ingress = 0,

    /// <summary>From the endpoint.</summary>
    Egress = 1,
}

/// <summary>Which traffic one entry of a compiled policy speaks of.</summary>
/// <param name="Direction">The direction seen from the subject.</param>
/// <param name="Identity">The peer; <see cref="Core.Identity.Unknown"/> is the wildcard.</param>
/// <param name="Protocol">The protocol; <see cref="L4Protocol.Any"/> is the wildcard and then the port is a wildcard too.</param>
/// <param name="Port">Destination port in host order (for ICMP the type); the low bits beyond <paramref name="PortPrefixLength"/> are zero.</param>
/// <param name="PortPrefixLength">How many leading bits of the port are compared: 0 (any port) to 16 (exactly this port).</param>
public readonly record struct PolicyKey(TrafficDirection Direction, Identity Identity, L4Protocol Protocol, ushort Port, byte PortPrefixLength)
    : IComparable<PolicyKey>
{
    /// <summary>True when every packet that <paramref name="other"/> matches is also matched here, identities compared exactly.</summary>
    public bool CoversPortsOf(PolicyKey other) =>
        Direction == other.Direction
        && (Protocol == L4Protocol.Any
            || (Protocol == other.Protocol
                && PortPrefixLength <= other.PortPrefixLength
                && (PortPrefixLength == 0 || (Port >> (16 - PortPrefixLength)) == (other.Port >> (16 - PortPrefixLength)))));

    /// <inheritdoc/>
    public int CompareTo(PolicyKey other)
    {
        var order = ((byte)Direction).CompareTo((byte)other.Direction);
        order = order != 0 ? order : Identity.CompareTo(other.Identity);
        order = order != 0 ? order : ((byte)Protocol).CompareTo((byte)other.Protocol);
        order = order != 0 ? order : Port.CompareTo(other.Port);
        return order != 0 ? order : PortPrefixLength.CompareTo(other.PortPrefixLength);
    }

    /// <summary>Order by direction, identity, protocol, port.</summary>
    public static bool operator <(PolicyKey left, PolicyKey right) => left.CompareTo(right) < 0;

    /// <summary>Order by direction, identity, protocol, port.</summary>
    public static bool operator >(PolicyKey left, PolicyKey right) => left.CompareTo(right) > 0;

    /// <summary>Order by direction, identity, protocol, port.</summary>
    public static bool operator <=(PolicyKey left, PolicyKey right) => left.CompareTo(right) <= 0;

    /// <summary>Order by direction, identity, protocol, port.</summary>
    public static bool operator >=(PolicyKey left, PolicyKey right) => left.CompareTo(right) >= 0;
}
