using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>What shall change about the CIDRs of a pool.</summary>
/// <param name="Pool">The name of the pool.</param>
/// <param name="Add">The CIDRs from which new ones are cut too; one that was drained serves again.</param>
/// <param name="Drain">The CIDRs that give nothing more: what is in use stays until it is given back.</param>
public sealed record PoolChange(string Pool, IReadOnlyList<Prefix> Add, IReadOnlyList<Prefix> Drain);

/// <summary>What becomes of a CIDR of a pool.</summary>
public enum PoolCidrState
{
    /// <summary>It serves as before.</summary>
    Kept = 0,

    /// <summary>It serves from now on.</summary>
    Added = 1,

    /// <summary>It gives nothing more.</summary>
    Draining = 2,
}

/// <summary>A CIDR of a pool in a plan.</summary>
/// <param name="Cidr">The CIDR.</param>
/// <param name="State">What becomes of it.</param>
/// <param name="Blocks">How many CIDRs of nodes are cut from it.</param>
/// <param name="Addresses">How many addresses of it are in use.</param>
public readonly record struct PlannedCidr(Prefix Cidr, PoolCidrState State, int Blocks, int Addresses);

/// <summary>A CIDR that a node holds and that gives nothing more.</summary>
/// <param name="Node">The node.</param>
/// <param name="Cidr">The CIDR.</param>
/// <param name="Owners">Who has addresses of it; the CIDR goes when none is left.</param>
public sealed record DrainingHolding(string Node, Prefix Cidr, IReadOnlyList<string> Owners);

/// <summary>What a change of a pool means.</summary>
public sealed record PoolPlan
{
    /// <summary>The pool's name.</summary>
    public required string Pool { get; init; }

    /// <summary>Why the change is refused; empty when it is not.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];

    /// <summary>What the user should know, although it does not stop the change.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The pool as it shall be, drained CIDRs left out; null when there is no such pool.</summary>
    public PoolDefinition? After { get; init; }

    /// <summary>Every CIDR of the pool before or after.</summary>
    public IReadOnlyList<PlannedCidr> Cidrs { get; init; } = [];

    /// <summary>The CIDRs that give nothing more as they shall be written down where pools cannot forget them (mode <c>cluster-pool</c>).</summary>
    public IReadOnlyList<Prefix> Drained { get; init; } = [];

    /// <summary>The CIDRs of nodes that are to empty, by node.</summary>
    public IReadOnlyList<DrainingHolding> Draining { get; init; } = [];

    /// <summary>True when something is to be written.</summary>
    public bool HasChange { get; init; }
}
