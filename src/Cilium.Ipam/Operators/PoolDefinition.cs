using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>A pool of CIDRs as it is written down: from what nodes' CIDRs are cut, and their size.</summary>
/// <param name="Name">The name of the pool.</param>
/// <param name="IPv4">The IPv4 part; null when the pool has none.</param>
/// <param name="IPv6">The IPv6 part; null when the pool has none.</param>
public sealed record PoolDefinition(string Name, PoolFamily? IPv4, PoolFamily? IPv6)
{
    /// <summary>True when a CIDR of this pool that a node holds gives nothing more, because the pool no longer has what it was cut from.</summary>
    public bool IsDrained(Prefix held)
    {
        var family = held.IsIPv4 ? IPv4 : IPv6;
        return family is null || !family.Cidrs.Any(cidr => cidr.Contains(held));
    }
}

/// <summary>One family of a pool.</summary>
/// <param name="Cidrs">The CIDRs to cut from.</param>
/// <param name="MaskSize">The length of what is cut.</param>
public sealed record PoolFamily(EquatableArray<Prefix> Cidrs, int MaskSize);
