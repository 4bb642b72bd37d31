using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>Addresses from one to another, both included, of one family.</summary>
/// <param name="First">The first address.</param>
/// <param name="Last">The last address.</param>
public sealed record AddressBlock(IpAddr First, IpAddr Last)
{
    /// <summary>How many addresses there are; one less than true for the whole IPv6 space.</summary>
    public UInt128 Count => Last.Value - First.Value == UInt128.MaxValue ? UInt128.MaxValue : Last.Value - First.Value + 1;

    /// <summary>The addresses of a CIDR.</summary>
    /// <param name="cidr">The CIDR.</param>
    /// <param name="allowsEnds">False to leave out the first and the last address, except in CIDRs of two addresses or one.</param>
    public static AddressBlock OfCidr(Prefix cidr, bool allowsEnds)
    {
        var isTiny = cidr.Address.BitLength - cidr.Length <= 1;
        return allowsEnds || isTiny
            ? new AddressBlock(cidr.Address, cidr.LastAddress)
            : new AddressBlock(cidr.Address.Add(1), IpAddr.FromValue(cidr.LastAddress.Value - 1));
    }

    /// <summary>True when the address is in the block.</summary>
    public bool Contains(IpAddr address) => address.IsIPv4 == First.IsIPv4 && address >= First && address <= Last;

    /// <summary>True when an address is in both blocks.</summary>
    public bool Overlaps(AddressBlock other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return First.IsIPv4 == other.First.IsIPv4 && First <= other.Last && other.First <= Last;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{First} - {Last}";
}

/// <summary>A pool of addresses for services.</summary>
public sealed record LoadBalancerPool
{
    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>When it was created: of two pools that overlap the older one serves.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>True when it gives nothing more; what it gave stays.</summary>
    public bool IsDisabled { get; init; }

    /// <summary>The services it is for; null for all.</summary>
    public ObjectSelector? Selector { get; init; }

    /// <summary>The addresses.</summary>
    public EquatableArray<AddressBlock> Blocks { get; init; }
}
