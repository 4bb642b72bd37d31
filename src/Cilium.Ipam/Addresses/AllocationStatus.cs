namespace Cilium.Ipam;

/// <summary>How a request for an address or a CIDR ended.</summary>
public enum AllocationStatus
{
    /// <summary>Given.</summary>
    Ok = 0,

    /// <summary>Nothing is free.</summary>
    Exhausted = 1,

    /// <summary>The wanted address or CIDR is taken by someone else.</summary>
    InUse = 2,

    /// <summary>The wanted address or CIDR is in no range, or is reserved.</summary>
    OutOfRange = 3,

    /// <summary>The pool has no range yet (of that family).</summary>
    NoRange = 4,

    /// <summary>The pool has too few addresses on this node, and more were asked for: try again when they have come.</summary>
    Pending = 5,
}
