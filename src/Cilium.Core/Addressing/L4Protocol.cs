namespace Cilium.Core;

/// <summary>A transport protocol by its IANA number; <see cref="Any"/> is the wildcard of policies.</summary>
public enum L4Protocol : byte
{
    /// <summary>Any protocol (0 on the wire of policy keys).</summary>
    Any = 0,

    /// <summary>ICMP for IPv4.</summary>
    Icmp = 1,

    /// <summary>TCP.</summary>
    Tcp = 6,

    /// <summary>UDP.</summary>
    Udp = 17,

    /// <summary>ICMP for IPv6.</summary>
    IcmpV6 = 58,

    /// <summary>SCTP.</summary>
    Sctp = 132,
}
