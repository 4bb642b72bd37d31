using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>An address in use.</summary>
/// <param name="Address">The address.</param>
/// <param name="Owner"><c>router</c>, <c>health</c>, <c>namespace/pod</c>, or whatever the caller names who has it.</param>
/// <param name="Range">The range it is from.</param>
/// <param name="Purpose">What it is for, in the caller's words; may be empty.</param>
/// <param name="Pool">The pool it is from.</param>
/// <param name="Expiry">While its commit is awaited, when it is free again; null when committed.</param>
public readonly record struct AddressLease(
    IpAddr Address, string Owner, Prefix Range, string Purpose = "", string Pool = "", LeaseExpiry? Expiry = null)
{
    /// <summary>While its commit is awaited: what the commit must name. Null when committed.</summary>
    public Guid? ExpirationId => Expiry?.Id;

    /// <summary>When it is free again without a commit; null when committed.</summary>
    public DateTimeOffset? ExpiresAt => Expiry?.Due;
}

/// <summary>The end of a lease that nobody commits.</summary>
/// <param name="Id">What the commit must name.</param>
/// <param name="Due">When the address is free again.</param>
public sealed record LeaseExpiry(Guid Id, DateTimeOffset Due);

/// <summary>The answer to a request for an address.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Lease">The address when it was given.</param>
/// <param name="Message">What to tell the user when it was not; empty otherwise.</param>
public readonly record struct AddressResult(AllocationStatus Status, AddressLease? Lease, string Message)
{
    /// <summary>True when an address was given.</summary>
    public bool IsOk => Status == AllocationStatus.Ok;

    /// <summary>The address when one was given, otherwise <see cref="IpAddr.None"/>.</summary>
    public IpAddr Address => Lease is { } lease ? lease.Address : IpAddr.None;
}
