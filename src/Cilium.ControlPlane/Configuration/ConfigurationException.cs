namespace Cilium.ControlPlane.Configuration;

/// <summary>The configuration cannot be used. The message lists every error, each with its key and where the value came from.</summary>
public sealed class ConfigurationException : Exception
{
    /// <summary>Makes the exception of one or more errors.</summary>
    public ConfigurationException(IReadOnlyList<string> errors)
        : base(errors is { Count: 1 } ? errors[0] : $"{errors?.Count} errors in the configuration:\n  {string.Join("\n  ", errors ?? [])}")
    {
        Errors = errors ?? [];
    }

    /// <summary>One text per error.</summary>
    public IReadOnlyList<string> Errors { get; }
}
