using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>A backend.</summary>
/// <param name="Address">The address.</param>
/// <param name="Port">Port.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="State">0 active, 1 terminating, 2 quarantined, 3 maintenance.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("backend_value")]
public readonly record struct BackendValue(
    Addr128 Address,
    NetPort Port,
    byte Protocol,
    byte State);
