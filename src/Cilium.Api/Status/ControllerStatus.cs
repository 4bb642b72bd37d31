namespace Cilium.Api;

/// <summary>One loop of the agent with its successes and failures.</summary>
public sealed record ControllerStatus
{
    /// <summary>The name.</summary>
    public string? Name { get; init; }

    /// <summary>How often it runs.</summary>
    public ControllerConfiguration? Configuration { get; init; }

    /// <summary>How it went.</summary>
    public ControllerRuns? Status { get; init; }

    /// <summary>A number of this run of the agent.</summary>
    public string? Uuid { get; init; }
}

/// <summary>How often a loop runs.</summary>
public sealed record ControllerConfiguration
{
    /// <summary>True when failures are retried.</summary>
    public bool ErrorRetry { get; init; }

    /// <summary>First wait after a failure, as text with a unit.</summary>
    public string? ErrorRetryBase { get; init; }

    /// <summary>Time between runs, as text with a unit.</summary>
    public string? Interval { get; init; }
}

/// <summary>How the runs of a loop went.</summary>
public sealed record ControllerRuns
{
    /// <summary>Failures since the last success.</summary>
    public long ConsecutiveFailureCount { get; init; }

    /// <summary>All failures.</summary>
    public long FailureCount { get; init; }

    /// <summary>All successes.</summary>
    public long SuccessCount { get; init; }

    /// <summary>The last error.</summary>
    public string? LastFailureMsg { get; init; }

    /// <summary>When it failed last.</summary>
    public DateTimeOffset? LastFailureTimestamp { get; init; }

    /// <summary>When it succeeded last.</summary>
    public DateTimeOffset? LastSuccessTimestamp { get; init; }
}
