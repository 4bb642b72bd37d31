using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>What is wrong with an address or a CIDR.</summary>
public enum AddressFault
{
    /// <summary>Two have the same address.</summary>
    SharedAddress = 0,

    /// <summary>An address that its node may not give.</summary>
    ForeignAddress = 1,

    /// <summary>An address is kept for somebody who is gone.</summary>
    LeakedAddress = 2,

    /// <summary>Pod and endpoint do not agree about the address.</summary>
    DifferingAddress = 3,

    /// <summary>Two nodes, or two pools of one node, hold CIDRs that overlap.</summary>
    SharedCidr = 4,

    /// <summary>A node holds a CIDR of no pool.</summary>
    ForeignCidr = 5,

    /// <summary>CIDRs are held for a node that is gone.</summary>
    LeakedCidr = 6,
}

/// <summary>What can be done about a finding without harm to anybody's traffic.</summary>
public enum AddressRepair
{
    /// <summary>Nothing by itself: the text says who must act.</summary>
    None = 0,

    /// <summary>Delete the endpoint's object, whose pod is gone.</summary>
    DeleteEndpoint = 1,

    /// <summary>Take the CIDR, of which nothing is in use, from the node.</summary>
    RemoveCidr = 2,

    /// <summary>Delete the node's object, whose node is gone.</summary>
    DeleteNode = 3,
}

/// <summary>One thing that is wrong.</summary>
/// <param name="Fault">What is wrong.</param>
/// <param name="Subject">The address or CIDR; the name of the node when all of its are meant.</param>
/// <param name="Holder">Who holds it: a node or a pod as <see cref="AddressOwners.Pod"/> writes it; the repair is made there.</param>
/// <param name="Text">What to tell the user.</param>
/// <param name="Repair">What can be done.</param>
/// <param name="Cidr">
/// The CIDR of <see cref="AddressRepair.RemoveCidr"/>; with any other repair the default value, which as a prefix is <c>::/0</c> and means nothing here.
/// </param>
public sealed record AddressFinding(AddressFault Fault, string Subject, string Holder, string Text, AddressRepair Repair = AddressRepair.None, Prefix Cidr = default);
