using Cilium.Core;

namespace Cilium.Kubernetes;

/// <summary>A Kubernetes node. (The datapath's own row of a node is another type.)</summary>
public sealed record KubeNodeRow
{
    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>The object's uid.</summary>
    public string Uid { get; init; } = "";

    /// <summary>The addresses that are IP addresses, in the order of the status.</summary>
    public EquatableArray<NodeAddress> Addresses { get; init; }

    /// <summary>The pod CIDRs of the spec, in order.</summary>
    public EquatableArray<Prefix> PodCidrs { get; init; }

    /// <summary>The labels as written.</summary>
    public StringMap Labels { get; init; } = StringMap.Empty;

    /// <summary>The annotations with <c>cilium.io</c> in their keys.</summary>
    public StringMap Annotations { get; init; } = StringMap.Empty;

    /// <summary>The taints.</summary>
    public EquatableArray<Taint> Taints { get; init; }

    /// <summary>True when the condition <c>NetworkUnavailable</c> is <c>False</c> by reason <c>CiliumIsUp</c>.</summary>
    public bool NetworkIsUp { get; init; }

    /// <summary>True once deletion was requested.</summary>
    public bool IsTerminating { get; init; }
}

/// <summary>An address of a node.</summary>
/// <param name="Type"><c>InternalIP</c>, <c>ExternalIP</c>, <c>CiliumInternalIP</c>, ...</param>
/// <param name="Address">The address.</param>
public readonly record struct NodeAddress(string Type, IpAddr Address)
{
    /// <summary>Reached by the other nodes.</summary>
    public const string InternalIP = "InternalIP";

    /// <summary>Reached from outside.</summary>
    public const string ExternalIP = "ExternalIP";

    /// <summary>The router address inside the pod CIDR.</summary>
    public const string CiliumInternalIP = "CiliumInternalIP";
}

/// <summary>A taint of a node.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value; may be empty.</param>
/// <param name="Effect"><c>NoSchedule</c>, <c>PreferNoSchedule</c> or <c>NoExecute</c>.</param>
public readonly record struct Taint(string Key, string Value, string Effect);
