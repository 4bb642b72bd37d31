namespace Cilium.Lab.Registry;

/// <summary>How a write is to be done.</summary>
internal sealed record WriteOptions
{
    public static readonly WriteOptions System = new();

    public string? FieldManager { get; init; }

    public bool DryRun { get; init; }

    public bool Force { get; init; }

    /// <summary>Whether unknown fields of custom resources are an error (Strict), a warning (Warn) or dropped silently (Ignore).</summary>
    public string FieldValidation { get; init; } = "Warn";

    public List<string> Warnings { get; } = [];
}

/// <summary>What a deletion is to do.</summary>
internal sealed record DeleteOptions
{
    public static readonly DeleteOptions Background = new();

    public long? GracePeriodSeconds { get; init; }

    public string? Uid { get; init; }

    public string? ResourceVersion { get; init; }

    public string Propagation { get; init; } = "Background";

    public bool DryRun { get; init; }
}

internal enum PatchType : byte
{
    Json,
    Merge,
    Strategic,
    Apply,
}
