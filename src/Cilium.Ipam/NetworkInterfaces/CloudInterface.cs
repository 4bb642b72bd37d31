using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>A network interface as a cloud describes it, attached to an instance or not.</summary>
/// <param name="Id">Its id in the cloud.</param>
public sealed record CloudInterface(string Id)
{
    /// <summary>The instance that has it; empty when none has.</summary>
    public string InstanceId { get; init; } = "";

    /// <summary>Its place on the instance; 0 is the one the instance was made with.</summary>
    public int Index { get; init; }

    /// <summary>The subnet of its addresses.</summary>
    public string SubnetId { get; init; } = "";

    /// <summary>The network that the subnet is part of.</summary>
    public string Network { get; init; } = "";

    /// <summary>Its availability zone.</summary>
    public string Zone { get; init; } = "";

    /// <summary>What its maker wrote about it.</summary>
    public string Description { get; init; } = "";

    /// <summary>Its own address, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr PrimaryAddress { get; init; }

    /// <summary>Its link-layer address.</summary>
    public MacAddress Mac { get; init; }

    /// <summary>Its secondary addresses that belong to no prefix, sorted.</summary>
    public EquatableArray<IpAddr> Addresses { get; init; } = [];

    /// <summary>Its prefixes, sorted.</summary>
    public EquatableArray<Prefix> Prefixes { get; init; } = [];

    /// <summary>Its security groups.</summary>
    public EquatableArray<string> SecurityGroups { get; init; } = [];

    /// <summary>Its tags.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>What a plan must know of it.</summary>
    /// <param name="isExcluded">True when its addresses are none for pods.</param>
    public NodeInterface ToNodeInterface(bool isExcluded = false) =>
        new(Id, Index, SubnetId) { Addresses = Addresses, Prefixes = Prefixes, IsExcluded = isExcluded };
}

/// <summary>What a cloud has, as far as nodes' interfaces are concerned.</summary>
public sealed record CloudInventory
{
    /// <summary>The instances by id, with the name of the type of each.</summary>
    public required IReadOnlyDictionary<string, string> Instances { get; init; }

    /// <summary>The interfaces, those attached to no instance included.</summary>
    public required IReadOnlyList<CloudInterface> Interfaces { get; init; }

    /// <summary>The subnets.</summary>
    public required IReadOnlyList<InterfaceSubnet> Subnets { get; init; }

    /// <summary>The security groups.</summary>
    public required IReadOnlyList<InterfaceSecurityGroup> SecurityGroups { get; init; }

    /// <summary>The CIDRs of each network by its id, the primary one first.</summary>
    public required IReadOnlyDictionary<string, EquatableArray<Prefix>> Networks { get; init; }
}
