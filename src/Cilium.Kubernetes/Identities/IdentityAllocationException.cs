using Cilium.Core;

namespace Cilium.Kubernetes;

/// <summary>No identity could be had for a set of labels.</summary>
public sealed class IdentityAllocationException : Exception
{
    /// <summary>Makes the exception.</summary>
    public IdentityAllocationException(LabelSet labels, string reason, Exception? inner)
        : base($"no identity for the labels {labels}: {reason}", inner)
    {
        Labels = labels;
    }

    /// <summary>The labels.</summary>
    public LabelSet Labels { get; }
}
