using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>What a policy entry says.</summary>
/// <param name="Flags">Flags.</param>
/// <param name="PrefixLength">Length in bits.</param>
/// <param name="ProxyPort">Port of the proxy, or zero.</param>
/// <param name="AuthType">Authentication asked for, or zero.</param>
/// <param name="Pad0">Zero.</param>
/// <param name="Pad1">Zero.</param>
/// <param name="Pad2">Zero.</param>
/// <param name="Counter">Index into cilium_policy_stats; zero: not counted.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("policy_value")]
public readonly record struct PolicyValue(
    PolicyFlags Flags,
    byte PrefixLength,
    NetPort ProxyPort,
    byte AuthType,
    byte Pad0,
    byte Pad1,
    byte Pad2,
    uint Counter);
