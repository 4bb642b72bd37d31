namespace Cilium.Api;

/// <summary>The state of one part of the agent with a human reason.</summary>
public sealed record Status
{
    /// <summary><c>Ok</c>, <c>Warning</c>, <c>Failure</c> or <c>Disabled</c>.</summary>
    public string? State { get; init; }

    /// <summary>The reason or detail; may be empty.</summary>
    public string? Msg { get; init; }
}

/// <summary>The words of <see cref="Status.State"/>.</summary>
public static class StatusStates
{
    /// <summary>Works.</summary>
    public const string Ok = "Ok";

    /// <summary>Works, with something to look at.</summary>
    public const string Warning = "Warning";

    /// <summary>Does not work.</summary>
    public const string Failure = "Failure";

    /// <summary>Switched off.</summary>
    public const string Disabled = "Disabled";
}
