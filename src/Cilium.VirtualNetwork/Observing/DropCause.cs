namespace Cilium.VirtualNetwork;

/// <summary>Why the virtual network let a frame go. What a program drops has a reason of its own, which only its events tell.</summary>
public enum DropCause
{
    /// <summary>A program said so.</summary>
    Program,
    /// <summary>It visited more devices than a frame may: a loop.</summary>
    Loop,
    /// <summary>The device is down, or has no other end.</summary>
    DeviceDown,
    /// <summary>A program redirected it to a device that does not exist, or cannot take it that way.</summary>
    RedirectRefused,
    /// <summary>It is no whole packet of a protocol that the stack speaks.</summary>
    Malformed,
    /// <summary>Its Ethernet address is another host's.</summary>
    OtherHost,
    /// <summary>It is not for this namespace, which does not forward.</summary>
    ForwardingDisabled,
    /// <summary>Its hop count is used up.</summary>
    HopsExhausted,
    /// <summary>No route leads to its destination.</summary>
    NoRoute,
    /// <summary>It is longer than the MTU, and may not be fragmented or comes by a device that fragments nothing.</summary>
    TooBig,
    /// <summary>Nobody answered for the next hop's address.</summary>
    NoNeighbour,
    /// <summary>Too many frames wait for the answer already.</summary>
    NeighbourQueueFull,
    /// <summary>Nobody listens.</summary>
    NoSocket,
    /// <summary>It was sent into a tunnel without saying where to.</summary>
    NoTunnelKey,
    /// <summary>A fragment whose packet was never whole, or that contradicts the others.</summary>
    Unassembled,
}
