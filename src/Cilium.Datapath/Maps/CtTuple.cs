using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>The key of a connection: its two ends ordered by address, then port, so that both directions have one key.</summary>
/// <param name="LowAddress">The lower end.</param>
/// <param name="HighAddress">The higher end.</param>
/// <param name="LowPort">Port of the lower end.</param>
/// <param name="HighPort">Port of the higher end.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Flags">Flags.</param>
/// <param name="Pad">Zero.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("ct_tuple")]
public readonly record struct CtTuple(
    Addr128 LowAddress,
    Addr128 HighAddress,
    NetPort LowPort,
    NetPort HighPort,
    byte Protocol,
    CtTupleFlags Flags,
    ushort Pad);
