namespace Cilium.Datapath.Maps;

/// <summary>Why a packet was not forwarded; upstream's numbers.</summary>
[CEnum("drop_reason", "DROP_")]
public enum DropReason : byte
{
    /// <summary>Forwarded.</summary>
    Forwarded = 0,

    /// <summary>Invalid source IP.</summary>
    InvalidSourceIp = 132,

    /// <summary>Policy.</summary>
    Policy = 133,

    /// <summary>Invalid.</summary>
    Invalid = 134,

    /// <summary>CT invalid header.</summary>
    CtInvalidHeader = 135,

    /// <summary>CT unknown protocol.</summary>
    CtUnknownProtocol = 137,

    /// <summary>Unknown L3.</summary>
    UnknownL3 = 139,

    /// <summary>Missed tail call.</summary>
    MissedTailCall = 140,

    /// <summary>Write error.</summary>
    WriteError = 141,

    /// <summary>Unknown L4.</summary>
    UnknownL4 = 142,

    /// <summary>No tunnel key.</summary>
    NoTunnelKey = 147,

    /// <summary>Unknown target.</summary>
    UnknownTarget = 150,

    /// <summary>Unroutable.</summary>
    Unroutable = 151,

    /// <summary>L3 checksum.</summary>
    L3Checksum = 153,

    /// <summary>L4 checksum.</summary>
    L4Checksum = 154,

    /// <summary>CT create failed.</summary>
    CtCreateFailed = 155,

    /// <summary>Invalid extension header.</summary>
    InvalidExtensionHeader = 156,

    /// <summary>Fragment not supported.</summary>
    FragmentNotSupported = 157,

    /// <summary>No service.</summary>
    NoService = 158,

    /// <summary>No tunnel endpoint.</summary>
    NoTunnelEndpoint = 160,

    /// <summary>Unsupported L2.</summary>
    UnsupportedL2 = 166,

    /// <summary>SNAT no mapping.</summary>
    SnatNoMapping = 167,

    /// <summary>SNAT unsupported protocol.</summary>
    SnatUnsupportedProtocol = 168,

    /// <summary>Encapsulation prohibited.</summary>
    EncapsulationProhibited = 170,

    /// <summary>Invalid identity.</summary>
    InvalidIdentity = 171,

    /// <summary>Unknown sender.</summary>
    UnknownSender = 172,

    /// <summary>Is cluster IP: a cluster address is no address for clients outside.</summary>
    IsClusterIp = 174,

    /// <summary>Fragment not found.</summary>
    FragmentNotFound = 175,

    /// <summary>Forbidden icmp6.</summary>
    ForbiddenIcmp6 = 176,

    /// <summary>Not in src range.</summary>
    NotInSrcRange = 177,

    /// <summary>Policy deny.</summary>
    PolicyDeny = 181,

    /// <summary>TTL exceeded.</summary>
    TtlExceeded = 196,

    /// <summary>No endpoint policy.</summary>
    NoEndpointPolicy = 203,
}
