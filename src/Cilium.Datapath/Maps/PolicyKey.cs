using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>What a policy entry matches.</summary>
/// <param name="PrefixLength">Length in bits.</param>
/// <param name="Identity">Numeric security identity.</param>
/// <param name="Direction">Direction.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Port">Port.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("policy_key")]
public readonly record struct PolicyKey(
    uint PrefixLength,
    uint Identity,
    PolicyDirection Direction,
    byte Protocol,
    NetPort Port);
