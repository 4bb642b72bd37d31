using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>What a masqueraded connection is rewritten to.</summary>
/// <param name="ToAddress">The new address.</param>
/// <param name="ToPort">The new port.</param>
/// <param name="Flags">State of the connection.</param>
/// <param name="Lifetime">Second of CLOCK_MONOTONIC at which it expires.</param>
/// <param name="Created">Second of CLOCK_MONOTONIC at which it was made.</param>
/// <param name="Pad2">Zero.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("snat_value")]
public readonly record struct SnatValue(
    Addr128 ToAddress,
    NetPort ToPort,
    SnatFlags Flags,
    uint Lifetime,
    uint Created,
    uint Pad2);
