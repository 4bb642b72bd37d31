using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>An allowing verdict as a connection remembers it.</summary>
/// <param name="Stamp">Policy stamp under which it was given; zero: none.</param>
/// <param name="Counter">Index into cilium_policy_stats of the entry that allowed; zero: not counted.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("cached_verdict")]
public readonly record struct CachedVerdict(uint Stamp, uint Counter);
