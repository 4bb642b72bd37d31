namespace Cilium.Ipam;

/// <summary>What a node holds and needs, as its object tells it.</summary>
/// <param name="Name">The name of the node.</param>
/// <param name="Held">The CIDRs it holds.</param>
/// <param name="Demands">What it needs; unused where every node gets one CIDR.</param>
public sealed record NodeHoldings(string Name, IReadOnlyList<PoolCidrs> Held, IReadOnlyList<PoolDemand> Demands)
{
    /// <summary>Which of the objects that had this name one after the other this is (its uid): one made anew has not let go of what it does not list.</summary>
    public string Incarnation { get; init; } = "";
}

/// <summary>What a node shall hold.</summary>
/// <param name="Held">Its CIDRs: what it held, in order, and what is new behind.</param>
/// <param name="Errors">What to tell on the node; empty when all is well.</param>
public sealed record NodeDecision(IReadOnlyList<PoolCidrs> Held, IReadOnlyList<string> Errors);

/// <summary>Decides which CIDRs nodes hold: what an operator's mode offers to its loop, which alone knows where nodes are written down.</summary>
/// <remarks>
/// Pure bookkeeping over values. States of one node must come in the order in which they were; a decision must be written only over the state it was
/// made from. Call <see cref="Restore"/> with all nodes before the first decision. Not thread-safe.
/// </remarks>
public interface IOperatorIpam
{
    /// <summary>Takes note of what nodes hold, before anything is given: by name, so that of two holders the same one wins each time.</summary>
    void Restore(IEnumerable<NodeHoldings> nodes);

    /// <summary>Decides for one node. The same state twice gives the same decision.</summary>
    NodeDecision Decide(NodeHoldings node);

    /// <summary>Takes back all that a vanished node held.</summary>
    /// <returns>The nodes that got nothing until now and may get something.</returns>
    IReadOnlyCollection<string> Release(string nodeName);
}
