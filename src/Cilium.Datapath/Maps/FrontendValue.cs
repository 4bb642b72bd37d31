using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>What stands behind a service frontend.</summary>
/// <param name="ServiceId">Service id, which is also the reverse translation id; zero: none.</param>
/// <param name="Count">Slots for clients inside the cluster, and for others unless these get only backends of this node.</param>
/// <param name="Flags">Flags.</param>
/// <param name="First">The first of these slots.</param>
/// <param name="LocalCount">Slots from 0 on whose backends are on this node.</param>
/// <param name="AffinitySeconds">How long a client keeps its backend after its last connection.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("frontend_value")]
public readonly record struct FrontendValue(
    uint ServiceId,
    ushort Count,
    ushort Flags,
    ushort First = 0,
    ushort LocalCount = 0,
    uint AffinitySeconds = 0);
