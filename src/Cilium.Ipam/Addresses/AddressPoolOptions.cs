using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>How a pool of addresses behaves.</summary>
public sealed record AddressPoolOptions
{
    /// <summary>The pool's name, which its leases carry.</summary>
    public string Pool { get; init; } = PoolNames.Default;

    /// <summary>True to keep the first and the last address of each range unused, as pod ranges do.</summary>
    public bool ReserveFirstAndLast { get; init; } = true;

    /// <summary>True to give all addresses of ranges of two or one (/31, /32, /127, /128) although first and last are reserved in larger ones.</summary>
    public bool UsesTinyRangesWhole { get; init; }

    /// <summary>Addresses that are never given, inside the ranges or not.</summary>
    public IReadOnlyList<Prefix> Excluded { get; init; } = [];

    /// <summary>Where the search for a free address begins.</summary>
    public AddressChoice Choice { get; init; } = AddressChoice.RandomStart;

    /// <summary>How long an address may wait for its commit.</summary>
    public TimeSpan CommitWithin { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>Where the search for a free address begins.</summary>
public enum AddressChoice
{
    /// <summary>Anywhere, so that an address that was just given back is not given to the next who asks.</summary>
    RandomStart = 0,

    /// <summary>At the beginning of the range: the same requests give the same addresses.</summary>
    Lowest = 1,

    /// <summary>Behind the last address that was given: as predictable, and slow to give an address again.</summary>
    Next = 2,
}

/// <summary>Names of pools.</summary>
public static class PoolNames
{
    /// <summary>The pool of everything that does not say which.</summary>
    public const string Default = "default";
}
