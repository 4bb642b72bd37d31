using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>What an instance can hold.</summary>
/// <param name="Interfaces">Interfaces, the first included.</param>
/// <param name="AddressesPerInterface">IPv4 addresses of each interface, its primary address included.</param>
/// <param name="HasPrefixes">True when an interface can hold /28 prefixes in place of single addresses.</param>
public readonly record struct InstanceLimits(int Interfaces, int AddressesPerInterface, bool HasPrefixes);

/// <summary>A network interface of an instance.</summary>
/// <param name="Id">Its id in the cloud.</param>
/// <param name="Index">Its place on the instance; 0 is the one the instance was made with.</param>
/// <param name="SubnetId">The subnet of its addresses.</param>
public sealed record NodeInterface(string Id, int Index, string SubnetId)
{
    /// <summary>Its secondary addresses that belong to no prefix.</summary>
    public EquatableArray<IpAddr> Addresses { get; init; } = [];

    /// <summary>Its prefixes.</summary>
    public EquatableArray<Prefix> Prefixes { get; init; } = [];

    /// <summary>True when it takes a place on the instance and has nothing for pods.</summary>
    public bool IsExcluded { get; init; }

    /// <summary>Places that are taken: a prefix takes one, as an address does.</summary>
    public int Slots => Addresses.Count + Prefixes.Count;

    /// <summary>The addresses that pods may have: those of prefixes all, since nothing is reserved in them.</summary>
    public IEnumerable<IpAddr> PodAddresses =>
        Addresses.Concat(Prefixes.SelectMany(prefix => Enumerable.Range(0, 1 << (32 - prefix.Length)).Select(offset => prefix.Address.Add((UInt128)offset))));
}

/// <summary>A subnet in which interfaces can be made.</summary>
/// <param name="Id">Its id in the cloud.</param>
/// <param name="Network">The network that it is part of.</param>
/// <param name="Zone">Its availability zone.</param>
/// <param name="FreeAddresses">Addresses that nobody has.</param>
/// <param name="Tags">Its tags.</param>
public sealed record InterfaceSubnet(string Id, string Network, string Zone, int FreeAddresses, IReadOnlyDictionary<string, string> Tags)
{
    /// <summary>Its range of addresses.</summary>
    public Prefix Cidr { get; init; }
}

/// <summary>A security group that interfaces can be in.</summary>
/// <param name="Id">Its id in the cloud.</param>
/// <param name="Network">The network that it is part of.</param>
/// <param name="Tags">Its tags.</param>
public sealed record InterfaceSecurityGroup(string Id, string Network, IReadOnlyDictionary<string, string> Tags);
