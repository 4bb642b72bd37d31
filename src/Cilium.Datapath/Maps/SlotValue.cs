using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>The backend in a place.</summary>
/// <param name="BackendId">Backend id.</param>
/// <param name="Address">The address.</param>
/// <param name="Port">Port.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Flags">Flags.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("slot_value")]
public readonly record struct SlotValue(
    uint BackendId,
    Addr128 Address,
    NetPort Port,
    byte Protocol,
    byte Flags);
