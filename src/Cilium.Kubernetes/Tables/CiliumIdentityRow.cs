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

    /// <summary>The server's time of creation, as it writes times; sorts as text.</summary>
    public string CreatedAt { get; init; } = "";

    /// <summary>The server's count of writes at the last write of this object; 0 when it does not count in numbers.</summary>
    public ulong Version { get; init; }

    /// <summary>The operator's mark that it may be deleted (annotation <c>io.cilium.heartbeat</c>); empty when none.</summary>
    public string UnusedSince { get; init; } = "";
}
