using Cilium.Core;

namespace Cilium.Policy;

/// <summary>An identity with its labels.</summary>
public sealed record KnownIdentity
{
    /// <summary>Makes one; the prefix is read from the labels.</summary>
    public KnownIdentity(Identity id, LabelSet labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        Id = id;
        Labels = labels;
        Cidr = CidrLabels.FindPrefix(labels);
    }

    /// <summary>The number.</summary>
    public Identity Id { get; }

    /// <summary>The labels.</summary>
    public LabelSet Labels { get; }

    /// <summary>The prefix that the identity stands for, when it has a <c>cidr</c> label.</summary>
    public Prefix? Cidr { get; }

    /// <summary>True when the label <c>reserved:name</c> is among the labels.</summary>
    public bool HasReserved(string name) => Labels.HasKey(Label.SourceReserved, name);
}
