namespace Cilium.Datapath.Maps;

/// <summary>Properties of an event.</summary>
[Flags]
[CEnum("packet_event_flags", "EVENT_")]
public enum PacketEventFlags : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>IPv6.</summary>
    IPv6 = 1,
}
