using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>Why, in which direction and where packets were dropped.</summary>
/// <param name="Reason">Drop reason; zero: forwarded.</param>
/// <param name="Direction">Direction.</param>
/// <param name="Line">Line in the source file.</param>
/// <param name="File">Source file.</param>
/// <param name="Pad0">Zero.</param>
/// <param name="Pad1">Zero.</param>
/// <param name="Pad2">Zero.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("metrics_key")]
public readonly record struct MetricsKey(
    DropReason Reason,
    MetricDirection Direction,
    ushort Line,
    SourceFile File,
    byte Pad0,
    byte Pad1,
    byte Pad2);
