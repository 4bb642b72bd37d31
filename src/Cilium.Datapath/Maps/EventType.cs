namespace Cilium.Datapath.Maps;

/// <summary>What an event reports.</summary>
[CEnum("event_type", "EVENT_")]
public enum EventType : byte
{
    /// <summary>Drop.</summary>
    Drop = 1,

    /// <summary>Trace.</summary>
    Trace = 4,

    /// <summary>Policy verdict.</summary>
    PolicyVerdict = 5,

    /// <summary>Trace sock.</summary>
    TraceSock = 7,
}
