using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>Sources from which clients outside the cluster may use a service.</summary>
/// <param name="PrefixLength">Length in bits, the 32 of the id included.</param>
/// <param name="ServiceId">Service id.</param>
/// <param name="Address">The address.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("source_range_key")]
public readonly record struct SourceRangeKey(
    uint PrefixLength,
    uint ServiceId,
    Addr128 Address);
