namespace Cilium.Api;

/// <summary>Which addresses of the node are given to whom.</summary>
public sealed record IpamStatus
{
    /// <summary>One line: used and usable addresses of each family with their ranges.</summary>
    public string? Status { get; init; }

    /// <summary>IPv4 addresses in use.</summary>
    public IReadOnlyList<string>? Ipv4 { get; init; }

    /// <summary>IPv6 addresses in use.</summary>
    public IReadOnlyList<string>? Ipv6 { get; init; }

    /// <summary>Owner by address: <c>router</c> or <c>namespace/pod</c>.</summary>
    public IReadOnlyDictionary<string, string>? Allocations { get; init; }
}
