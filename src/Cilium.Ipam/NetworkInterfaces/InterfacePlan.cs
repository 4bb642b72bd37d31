using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>What a node is and may have, for a plan of its interfaces.</summary>
public sealed record InterfaceDemand
{
    /// <summary>The network of the node.</summary>
    public string Network { get; init; } = "";

    /// <summary>The availability zone of the node.</summary>
    public string Zone { get; init; } = "";

    /// <summary>What the instance can hold.</summary>
    public required InstanceLimits Limits { get; init; }

    /// <summary>The interfaces that it has.</summary>
    public required IReadOnlyList<NodeInterface> Interfaces { get; init; }

    /// <summary>The addresses in use.</summary>
    public IReadOnlyCollection<IpAddr> Used { get; init; } = [];

    /// <summary>How many addresses are kept ready.</summary>
    public AddressWatermarks Watermarks { get; init; } = new();

    /// <summary>The lowest index of interfaces whose addresses pods get.</summary>
    public int FirstInterfaceIndex { get; init; }

    /// <summary>The interfaces whose addresses pods get.</summary>
    public IEnumerable<NodeInterface> Usable => Interfaces.Where(found => found.Index >= FirstInterfaceIndex && !found.IsExcluded);

    /// <summary>True to take /28 prefixes where the instance can hold them.</summary>
    public bool PrefersPrefixes { get; init; }

    /// <summary>The subnets there are.</summary>
    public IReadOnlyList<InterfaceSubnet> Subnets { get; init; } = [];

    /// <summary>The subnets in which new interfaces may be; empty for any that the tags allow.</summary>
    public IReadOnlyList<string> SubnetIds { get; init; } = [];

    /// <summary>The tags that subnets of new interfaces must have.</summary>
    public IReadOnlyDictionary<string, string> SubnetTags { get; init; } = new Dictionary<string, string>();

    /// <summary>The security groups there are.</summary>
    public IReadOnlyList<InterfaceSecurityGroup> SecurityGroups { get; init; } = [];

    /// <summary>The security groups of new interfaces; empty to choose by tags.</summary>
    public IReadOnlyList<string> SecurityGroupIds { get; init; } = [];

    /// <summary>The tags that security groups of new interfaces have; without any, they are those of the first interface.</summary>
    public IReadOnlyDictionary<string, string> SecurityGroupTags { get; init; } = new Dictionary<string, string>();

    /// <summary>The security groups of the first interface.</summary>
    public IReadOnlyList<string> FirstSecurityGroups { get; init; } = [];
}

/// <summary>Addresses, or prefixes, that an interface shall get.</summary>
/// <param name="InterfaceId">The interface.</param>
/// <param name="Count">How many.</param>
/// <param name="ArePrefixes">True for /28 prefixes.</param>
public sealed record InterfaceAssignment(string InterfaceId, int Count, bool ArePrefixes);

/// <summary>An interface that shall be made and attached.</summary>
/// <param name="SubnetId">Its subnet.</param>
/// <param name="Index">Its place on the instance.</param>
/// <param name="Count">How many secondary addresses, or prefixes, it has from the beginning.</param>
/// <param name="ArePrefixes">True for /28 prefixes.</param>
/// <param name="SecurityGroups">Its security groups.</param>
public sealed record InterfaceAttachment(string SubnetId, int Index, int Count, bool ArePrefixes, EquatableArray<string> SecurityGroups);

/// <summary>What shall be done so that a node has the addresses it needs.</summary>
/// <param name="Assignments">More addresses on interfaces that are there.</param>
/// <param name="Attachments">Interfaces to make.</param>
/// <param name="Missing">Addresses that the node will be short of nevertheless.</param>
/// <param name="Problem">Why; empty when none is missing.</param>
public sealed record InterfacePlan(IReadOnlyList<InterfaceAssignment> Assignments, IReadOnlyList<InterfaceAttachment> Attachments, int Missing, string Problem);
