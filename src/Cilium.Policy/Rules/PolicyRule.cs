using Cilium.Core;

namespace Cilium.Policy;

/// <summary>One rule in normal form: whom it is for and what it says of each direction.</summary>
public sealed record PolicyRule
{
    /// <summary>The object it came from.</summary>
    public required PolicyOrigin Origin { get; init; }

    /// <summary>The endpoints it is for, already held to their namespace. With <see cref="SelectsNodes"/>, nodes by their labels.</summary>
    public required LabelSelector Subject { get; init; }

    /// <summary>True for a rule on nodes instead of endpoints.</summary>
    public bool SelectsNodes { get; init; }

    /// <summary>What it says of traffic towards the subject.</summary>
    public PolicySection Ingress { get; init; } = PolicySection.Absent;

    /// <summary>What it says of traffic from the subject.</summary>
    public PolicySection Egress { get; init; } = PolicySection.Absent;

    /// <summary>Further labels that the author gave the rule.</summary>
    public EquatableArray<Label> Labels { get; init; }

    /// <summary>The author's description; may be empty.</summary>
    public string Description { get; init; } = "";

    /// <summary>The section of a direction.</summary>
    public PolicySection this[TrafficDirection direction] => direction == TrafficDirection.Ingress ? Ingress : Egress;
}
