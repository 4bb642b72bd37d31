using Cilium.Core;

namespace Cilium.Kubernetes;

/// <summary>A CiliumIdentity: the number that stands for a set of labels in the whole cluster.</summary>
public sealed record CiliumIdentityRow
{
    /// <summary>The number, which is also the object's name.</summary>
    public required Identity Id { get; init; }

    /// <summary>The labels.</summary>
    public required LabelSet Labels { get; init; }

    /// <summary>The object's uid.</summary>
    public string Uid { get; init; } = "";

    /// <summary>The operator's mark that it may be deleted (annotation <c>io.cilium.heartbeat</c>); empty when none.</summary>
    public string UnusedSince { get; init; } = "";
}
