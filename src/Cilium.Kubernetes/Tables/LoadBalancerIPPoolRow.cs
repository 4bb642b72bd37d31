using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.Kubernetes;

/// <summary>A CiliumLoadBalancerIPPool: addresses for services of type LoadBalancer.</summary>
public sealed record LoadBalancerIPPoolRow
{
    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>The pool as the assignment needs it.</summary>
    public required LoadBalancerPool Pool { get; init; }

    /// <summary>The object's uid.</summary>
    public string Uid { get; init; } = "";

    /// <summary>The conditions of its status.</summary>
    public EquatableArray<StatusCondition> Conditions { get; init; }
}

/// <summary>A condition of an object's status, without its time.</summary>
/// <param name="Type">What it is about.</param>
/// <param name="Status"><c>True</c>, <c>False</c> or <c>Unknown</c>.</param>
/// <param name="Reason">One word.</param>
/// <param name="Message">A sentence.</param>
public sealed record StatusCondition(string Type, string Status, string Reason, string Message);
