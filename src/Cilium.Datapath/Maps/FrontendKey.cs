using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>The address clients of a service speak to.</summary>
/// <param name="Address">The address.</param>
/// <param name="Port">Port.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Scope">0 external, 1 internal.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("frontend_key")]
public readonly record struct FrontendKey(
    Addr128 Address,
    NetPort Port,
    byte Protocol,
    byte Scope);
