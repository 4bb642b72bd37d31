using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Operator;

/// <summary>Decides which pod CIDRs each node has, from CiliumNodes: what is written stays, what is missing comes from the pools.</summary>
/// <remarks>Pure bookkeeping over rows, without I/O. Not thread-safe.</remarks>
public sealed class PodCidrAssigner
{
    private readonly ClusterPoolAllocator _allocator;

    /// <summary>Makes an assigner; a null pool is a family that nodes do not get, and drained CIDRs give nothing more.</summary>
    public PodCidrAssigner(CidrPool? ipv4, CidrPool? ipv6, IReadOnlyList<Prefix>? drained = null)
    {
        _allocator = new ClusterPoolAllocator(ipv4, ipv6, drained);
    }

    /// <summary>Takes note of what nodes hold, before anything is given.</summary>
    public void Restore(IEnumerable<CiliumNodeRow> nodes) => _allocator.Restore(nodes.Select(HoldingsOf));

    /// <summary>Takes note of what nodes hold by now, before something is given to another.</summary>
    public void Observe(IEnumerable<CiliumNodeRow> nodes) => _allocator.Observe(nodes.Select(HoldingsOf));

    /// <summary>Decides for one node.</summary>
    public PodCidrDecision Decide(CiliumNodeRow node)
    {
        ArgumentNullException.ThrowIfNull(node);
        var freed = _allocator.Freed;
        var decision = _allocator.Decide(HoldingsOf(node));
        var errors = node.InvalidPodCidrs.Select(text => $"'{text}' is not a CIDR prefix").Concat(decision.Errors);
        return new PodCidrDecision(decision.Held.SelectMany(held => held.Cidrs).ToEquatableArray(), string.Join("; ", errors))
        {
            Retry = _allocator.Freed > freed ? [.. _allocator.Waiting().Where(name => name != node.Name)] : [],
        };
    }

    /// <summary>Takes back all that a vanished node held.</summary>
    /// <returns>The nodes that got nothing until now and may get something.</returns>
    public IReadOnlyCollection<string> Release(string nodeName) => _allocator.Release(nodeName);

    private static NodeHoldings HoldingsOf(CiliumNodeRow node) => new(node.Name, [new PoolCidrs(PoolNames.Default, node.PodCidrs)], []) { Incarnation = node.Uid };
}

/// <summary>What a node shall have.</summary>
/// <param name="PodCidrs">All pod CIDRs, in order.</param>
/// <param name="Error">What to tell on the node; empty when all is well.</param>
public readonly record struct PodCidrDecision(EquatableArray<Prefix> PodCidrs, string Error)
{
    /// <summary>Other nodes that got nothing until now and may get something.</summary>
    public EquatableArray<string> Retry { get; init; } = [];
}
