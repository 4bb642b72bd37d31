using System.Text.Json.Serialization;

namespace Cilium.Api;

/// <summary>The cluster as one agent sees it.</summary>
public sealed record ClusterStatus
{
    /// <summary>State of node-to-node probes.</summary>
    [JsonPropertyName("ciliumHealth")]
    public Status? CiliumHealth { get; init; }

    /// <summary>The nodes, this one included.</summary>
    public IReadOnlyList<NodeElement>? Nodes { get; init; }

    /// <summary>Name of this node, with the cluster's name before it.</summary>
    public string? Self { get; init; }
}

/// <summary>What <c>GET /cluster/nodes</c> answers.</summary>
public sealed record ClusterNodeStatus
{
    /// <summary>Number of the asking client; 0, since changes are not remembered per client.</summary>
    public long ClientId { get; init; }

    /// <summary>Name of this node.</summary>
    public string? Self { get; init; }

    /// <summary>All nodes.</summary>
    public IReadOnlyList<NodeElement>? NodesAdded { get; init; }

    /// <summary>Nodes that have gone since the client last asked; always empty.</summary>
    public IReadOnlyList<NodeElement>? NodesRemoved { get; init; }
}

/// <summary>One node of the cluster.</summary>
public sealed record NodeElement
{
    /// <summary><c>cluster/node</c>.</summary>
    public string? Name { get; init; }

    /// <summary>Where it is known from: <c>local</c> or <c>custom-resource</c>.</summary>
    public string? Source { get; init; }

    /// <summary>Its underlay addresses and pod ranges.</summary>
    public NodeAddressing? PrimaryAddress { get; init; }

    /// <summary>Its other addresses.</summary>
    public IReadOnlyList<NodeAddressingElement>? SecondaryAddresses { get; init; }
}

/// <summary>A node's addresses of both families.</summary>
public sealed record NodeAddressing
{
    /// <summary>IPv4.</summary>
    public NodeAddressingElement? Ipv4 { get; init; }

    /// <summary>IPv6.</summary>
    public NodeAddressingElement? Ipv6 { get; init; }
}

/// <summary>A node's address of one family.</summary>
public sealed record NodeAddressingElement
{
    /// <summary>True when the family is in use.</summary>
    public bool Enabled { get; init; }

    /// <summary>The address.</summary>
    public string? Ip { get; init; }

    /// <summary>The pod range behind it.</summary>
    public string? AllocRange { get; init; }

    /// <summary><c>InternalIP</c>, <c>CiliumInternalIP</c>, ...</summary>
    public string? AddressType { get; init; }
}
