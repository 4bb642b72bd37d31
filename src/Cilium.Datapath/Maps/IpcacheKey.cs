using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>An address prefix of cilium_ipcache.</summary>
/// <param name="PrefixLength">Length in bits.</param>
/// <param name="Address">The address.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("ipcache_key")]
public readonly record struct IpcacheKey(
    uint PrefixLength,
    Addr128 Address);
