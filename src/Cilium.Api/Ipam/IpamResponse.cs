namespace Cilium.Api;

/// <summary>What <c>POST /ipam</c> answers: addresses for one pod.</summary>
public sealed record IpamResponse
{
    /// <summary>The addresses.</summary>
    public AddressPair? Address { get; init; }

    /// <summary>The node's router addresses, which pods use as gateways.</summary>
    public NodeAddressing? HostAddressing { get; init; }

    /// <summary>The IPv4 address with what belongs to it.</summary>
    public IpamAddressResponse? Ipv4 { get; init; }

    /// <summary>The IPv6 address with what belongs to it.</summary>
    public IpamAddressResponse? Ipv6 { get; init; }
}

/// <summary>An address with what belongs to it.</summary>
public sealed record IpamAddressResponse
{
    /// <summary>The address.</summary>
    public string? Ip { get; init; }

    /// <summary>The gateway.</summary>
    public string? Gateway { get; init; }

    /// <summary>Ranges reached through the gateway.</summary>
    public IReadOnlyList<string>? Cidrs { get; init; }

    /// <summary>Names the timer that frees the address unless an endpoint takes it.</summary>
    public string? ExpirationUuid { get; init; }
}

/// <summary>The addresses of an endpoint.</summary>
public sealed record AddressPair
{
    /// <summary>IPv4 address.</summary>
    public string? Ipv4 { get; init; }

    /// <summary>Pool of the IPv4 address.</summary>
    public string? Ipv4PoolName { get; init; }

    /// <summary>Names the timer that frees the IPv4 address.</summary>
    public string? Ipv4ExpirationUuid { get; init; }

    /// <summary>IPv6 address.</summary>
    public string? Ipv6 { get; init; }

    /// <summary>Pool of the IPv6 address.</summary>
    public string? Ipv6PoolName { get; init; }

    /// <summary>Names the timer that frees the IPv6 address.</summary>
    public string? Ipv6ExpirationUuid { get; init; }
}
