namespace Cilium.Datapath.Maps;

/// <summary>Properties of a local endpoint.</summary>
[Flags]
[CEnum("endpoint_flags", "ENDPOINT_")]
public enum EndpointFlags : ushort
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Present.</summary>
    Present = 1,

    /// <summary>An address of this node itself: delivered to the stack.</summary>
    Host = 2,

    /// <summary>Ingress enforced.</summary>
    IngressEnforced = 4,

    /// <summary>Egress enforced.</summary>
    EgressEnforced = 8,

    /// <summary>Denied packets pass, the verdict event says audited.</summary>
    PolicyAudit = 16,

    /// <summary>No source check.</summary>
    NoSourceCheck = 32,

    /// <summary>Reaches the world with its own IPv4 address.</summary>
    SkipMasqueradeIpv4 = 64,

    /// <summary>Reaches the world with its own IPv6 address.</summary>
    SkipMasqueradeIpv6 = 128,
}
