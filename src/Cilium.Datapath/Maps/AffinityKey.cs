using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>A client of a service.</summary>
/// <param name="Client">A source address, or the cookie of a network namespace in the first 8 bytes.</param>
/// <param name="ServiceId">Service id.</param>
/// <param name="IsSocket">1 for a network namespace.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("affinity_key")]
public readonly record struct AffinityKey(
    Addr128 Client,
    uint ServiceId,
    uint IsSocket);
