namespace Cilium.Ipam;

/// <summary>How a pool of addresses behaves.</summary>
public sealed record AddressPoolOptions
{
    /// <summary>True to keep the first and the last address of each range unused, as pod ranges do.</summary>
    public bool ReserveFirstAndLast { get; init; } = true;

    /// <summary>How long an address may wait for its commit.</summary>
    public TimeSpan CommitWithin { get; init; } = TimeSpan.FromMinutes(10);
}
