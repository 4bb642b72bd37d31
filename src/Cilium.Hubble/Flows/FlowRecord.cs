using Cilium.Datapath.Events;
using Cilium.Hubble.Enrichment;

namespace Cilium.Hubble.Flows;

/// <summary>What came of reading a position of the ring.</summary>
public enum FlowReadResult
{
    /// <summary>The event was copied.</summary>
    Ok,

    /// <summary>Nothing has been written there yet.</summary>
    NotWritten,

    /// <summary>Newer events have taken the place.</summary>
    Overwritten,
}

/// <summary>One copied entry of the ring: an event, or the report that events were lost.</summary>
/// <param name="Position">Where it was, counted since the start.</param>
/// <param name="Event">The event; only its time is set in a report of losses.</param>
/// <param name="Lost">How many events were lost; 0 for an event.</param>
/// <param name="PacketLength">How many bytes of the packet were kept.</param>
/// <param name="Snapshot">What was known when it was recorded; null in a report of losses.</param>
public readonly record struct FlowRecord(long Position, DatapathEvent Event, ulong Lost, byte PacketLength, HubbleSnapshot? Snapshot)
{
    /// <summary>True for a report that events were lost.</summary>
    public bool IsLoss => Lost != 0;
}
