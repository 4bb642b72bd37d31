using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>A place among the backends of a service.</summary>
/// <param name="ServiceId">Service id, which is also the reverse translation id; zero: none.</param>
/// <param name="Slot">From zero.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("slot_key")]
public readonly record struct SlotKey(
    uint ServiceId,
    uint Slot);
