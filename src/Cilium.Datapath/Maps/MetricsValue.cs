using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>How many packets, and how long.</summary>
/// <param name="Count">How many.</param>
/// <param name="Bytes">Bytes.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("metrics_value")]
public readonly record struct MetricsValue(
    ulong Count,
    ulong Bytes);
