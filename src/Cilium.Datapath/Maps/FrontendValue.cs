using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>What stands behind a service frontend.</summary>
/// <param name="ServiceId">Service id, which is also the reverse translation id; zero: none.</param>
/// <param name="Count">How many.</param>
/// <param name="Flags">Flags.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("frontend_value")]
public readonly record struct FrontendValue(
    uint ServiceId,
    ushort Count,
    ushort Flags);
