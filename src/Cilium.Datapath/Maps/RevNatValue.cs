using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>The frontend that replies of a service are translated back to.</summary>
/// <param name="Address">The address.</param>
/// <param name="Port">Port.</param>
/// <param name="Pad">Zero.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("revnat_value")]
public readonly record struct RevNatValue(
    Addr128 Address,
    NetPort Port,
    ushort Pad);
