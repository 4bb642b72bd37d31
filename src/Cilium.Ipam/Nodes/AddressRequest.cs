namespace Cilium.Ipam;

/// <summary>A request for one address of each wanted family.</summary>
/// <param name="Owner">Who asks.</param>
public readonly record struct AddressRequest(string Owner)
{
    /// <summary>What the addresses are for; may be empty.</summary>
    public string Purpose { get; init; } = "";

    /// <summary>The pool of the IPv4 address; empty for the default pool.</summary>
    public string IPv4Pool { get; init; } = "";

    /// <summary>The pool of the IPv6 address; empty for the default pool.</summary>
    public string IPv6Pool { get; init; } = "";

    /// <summary>False to leave IPv4 out; it is also left out when it is off.</summary>
    public bool WantsIPv4 { get; init; } = true;

    /// <summary>False to leave IPv6 out; it is also left out when it is off.</summary>
    public bool WantsIPv6 { get; init; } = true;

    /// <summary>True when the addresses are to be free again unless they are committed in time.</summary>
    public bool Expires { get; init; }
}

/// <summary>The answer to a request for one address of each wanted family.</summary>
/// <param name="Status">How it ended; when one family fails, nothing is given.</param>
/// <param name="IPv4">The IPv4 address, when wanted.</param>
/// <param name="IPv6">The IPv6 address, when wanted.</param>
/// <param name="Message">What to tell the user when nothing was given; empty otherwise.</param>
public readonly record struct NodeAddresses(AllocationStatus Status, AddressLease? IPv4, AddressLease? IPv6, string Message)
{
    /// <summary>True when the addresses were given.</summary>
    public bool IsOk => Status == AllocationStatus.Ok;
}

/// <summary>How much of a pool of one family is in use on a node.</summary>
/// <param name="Pool">The name of the pool.</param>
/// <param name="IsIPv4">The family.</param>
/// <param name="Ranges">What addresses are given from; empty when the pool is a list of single addresses.</param>
/// <param name="Used">Addresses in use.</param>
/// <param name="Capacity">Addresses that could be in use.</param>
public sealed record PoolUsage(string Pool, bool IsIPv4, IReadOnlyList<Core.Prefix> Ranges, int Used, UInt128 Capacity);
