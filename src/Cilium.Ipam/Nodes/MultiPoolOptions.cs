namespace Cilium.Ipam;

/// <summary>How a node with several pools behaves.</summary>
public sealed record MultiPoolOptions
{
    /// <summary>The pool of requests that name none.</summary>
    public string DefaultPool { get; init; } = PoolNames.Default;

    /// <summary>How many addresses of which pool are kept ready; pools that are not named get what is asked for and no more.</summary>
    public IReadOnlyDictionary<string, int> PreAllocate { get; init; } = new Dictionary<string, int> { [PoolNames.Default] = 8 };

    /// <summary>How long a request that could not be answered counts as demand.</summary>
    public TimeSpan PendingFor { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How each pool gives addresses; its name is set by the pool.</summary>
    public AddressPoolOptions Addresses { get; init; } = new();
}
