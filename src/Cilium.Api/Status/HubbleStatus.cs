namespace Cilium.Api;

/// <summary>The state of flow observation on the node.</summary>
public sealed record HubbleStatus
{
    /// <summary><c>Ok</c>, <c>Warning</c>, <c>Failure</c> or <c>Disabled</c>.</summary>
    public string? State { get; init; }

    /// <summary>The reason.</summary>
    public string? Msg { get; init; }

    /// <summary>The node's ring of flows.</summary>
    public HubbleObserverStatus? Observer { get; init; }

    /// <summary>Metrics made from flows.</summary>
    public HubbleMetricsStatus? Metrics { get; init; }
}

/// <summary>The node's ring of flows.</summary>
public sealed record HubbleObserverStatus
{
    /// <summary>Flows held.</summary>
    public long CurrentFlows { get; init; }

    /// <summary>Most flows held.</summary>
    public long MaxFlows { get; init; }

    /// <summary>Flows seen since the start.</summary>
    public long SeenFlows { get; init; }

    /// <summary>Nanoseconds since the start, as upstream's duration number.</summary>
    public long Uptime { get; init; }
}

/// <summary>Metrics made from flows.</summary>
public sealed record HubbleMetricsStatus
{
    /// <summary><c>Ok</c> or <c>Disabled</c>.</summary>
    public string? State { get; init; }

    /// <summary>Detail.</summary>
    public string? Msg { get; init; }
}
