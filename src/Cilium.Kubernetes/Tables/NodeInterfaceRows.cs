using Cilium.Core;

namespace Cilium.Kubernetes;

/// <summary>What a node is in AWS, and what its interfaces shall be like: <c>spec.eni</c> of its CiliumNode, written by its agent.</summary>
public sealed record NodeInstance
{
    /// <summary>The instance id, which upstream keeps in <c>spec.instance-id</c>.</summary>
    public string Id { get; init; } = "";

    /// <summary>The instance type, such as <c>m5.large</c>.</summary>
    public string Type { get; init; } = "";

    /// <summary>The availability zone.</summary>
    public string Zone { get; init; } = "";

    /// <summary>The id of the VPC.</summary>
    public string Network { get; init; } = "";

    /// <summary>The subnet of the first interface.</summary>
    public string SubnetId { get; init; } = "";

    /// <summary>The lowest index of interfaces whose addresses pods get.</summary>
    public int FirstInterfaceIndex { get; init; }

    /// <summary>The security groups of new interfaces; empty to choose by tags.</summary>
    public EquatableArray<string> SecurityGroups { get; init; } = [];

    /// <summary>The tags of security groups of new interfaces.</summary>
    public StringMap SecurityGroupTags { get; init; } = StringMap.Empty;

    /// <summary>The subnets of new interfaces; empty to choose by tags.</summary>
    public EquatableArray<string> SubnetIds { get; init; } = [];

    /// <summary>The tags of subnets of new interfaces.</summary>
    public StringMap SubnetTags { get; init; } = StringMap.Empty;

    /// <summary>Interfaces with all of these tags have nothing for pods; none when empty.</summary>
    public StringMap ExcludedTags { get; init; } = StringMap.Empty;

    /// <summary>True when new interfaces end with the instance.</summary>
    public bool DeletesOnTermination { get; init; } = true;

    /// <summary>True when the node gets single addresses even where the operator prefers prefixes.</summary>
    public bool DisablesPrefixes { get; init; }
}

/// <summary>An interface of a node in AWS: an entry of <c>status.eni.enis</c> of its CiliumNode, written by the operator.</summary>
/// <param name="Id">Its id.</param>
public sealed record NodeEni(string Id)
{
    /// <summary>Its place on the instance.</summary>
    public int Number { get; init; }

    /// <summary>Its own address, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr Address { get; init; }

    /// <summary>Its link-layer address, by which the node finds the device.</summary>
    public MacAddress Mac { get; init; }

    /// <summary>The availability zone.</summary>
    public string Zone { get; init; } = "";

    /// <summary>What its maker wrote about it.</summary>
    public string Description { get; init; } = "";

    /// <summary>The id of its subnet.</summary>
    public string SubnetId { get; init; } = "";

    /// <summary>The range of its subnet, of which the first address after the network's is the gateway.</summary>
    public Prefix SubnetCidr { get; init; }

    /// <summary>The id of the VPC.</summary>
    public string Network { get; init; } = "";

    /// <summary>The ranges of the VPC, the primary one first.</summary>
    public EquatableArray<Prefix> NetworkCidrs { get; init; } = [];

    /// <summary>Its secondary addresses, those of prefixes included.</summary>
    public EquatableArray<IpAddr> Addresses { get; init; } = [];

    /// <summary>Its prefixes.</summary>
    public EquatableArray<Prefix> Prefixes { get; init; } = [];

    /// <summary>Its security groups.</summary>
    public EquatableArray<string> SecurityGroups { get; init; } = [];

    /// <summary>Its tags.</summary>
    public StringMap Tags { get; init; } = StringMap.Empty;
}
