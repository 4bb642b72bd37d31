using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>A backend that clients of a service may keep.</summary>
/// <param name="ServiceId">Service id.</param>
/// <param name="BackendId">Backend id.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("affinity_member")]
public readonly record struct AffinityMember(
    uint ServiceId,
    uint BackendId);
