namespace Cilium.Kubernetes;

/// <summary>A namespace and its labels.</summary>
public sealed record NamespaceRow
{
    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>The object's uid.</summary>
    public string Uid { get; init; } = "";

    /// <summary>The labels as written.</summary>
    public StringMap Labels { get; init; } = StringMap.Empty;

    /// <summary>The annotations with <c>cilium.io</c> in their keys.</summary>
    public StringMap Annotations { get; init; } = StringMap.Empty;

    /// <summary>True once deletion was requested.</summary>
    public bool IsTerminating { get; init; }
}
