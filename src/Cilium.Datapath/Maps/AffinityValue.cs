using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>The backend that a client keeps.</summary>
/// <param name="BackendId">Backend id.</param>
/// <param name="LastUsed">Second of CLOCK_MONOTONIC of its last connection.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("affinity_value")]
public readonly record struct AffinityValue(
    uint BackendId,
    uint LastUsed);
