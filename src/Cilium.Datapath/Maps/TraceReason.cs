namespace Cilium.Datapath.Maps;

/// <summary>What connection tracking knew of the packet.</summary>
[CEnum("trace_reason", "REASON_")]
public enum TraceReason : byte
{
    /// <summary>New.</summary>
    New = 0,

    /// <summary>Established.</summary>
    Established = 1,

    /// <summary>Reply.</summary>
    Reply = 2,

    /// <summary>Related.</summary>
    Related = 3,

    /// <summary>Unknown.</summary>
    Unknown = 5,
}
