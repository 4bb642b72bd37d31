namespace Cilium.Datapath.Maps;

/// <summary>Where a packet was seen.</summary>
[CEnum("trace_point", "TRACE_")]
public enum TracePoint : byte
{
    /// <summary>To endpoint.</summary>
    ToEndpoint = 0,

    /// <summary>To proxy.</summary>
    ToProxy = 1,

    /// <summary>To host.</summary>
    ToHost = 2,

    /// <summary>To stack.</summary>
    ToStack = 3,

    /// <summary>To overlay.</summary>
    ToOverlay = 4,

    /// <summary>From endpoint.</summary>
    FromEndpoint = 5,

    /// <summary>From proxy.</summary>
    FromProxy = 6,

    /// <summary>From host.</summary>
    FromHost = 7,

    /// <summary>From stack.</summary>
    FromStack = 8,

    /// <summary>From overlay.</summary>
    FromOverlay = 9,

    /// <summary>From network.</summary>
    FromNetwork = 10,

    /// <summary>To network.</summary>
    ToNetwork = 11,
}
