using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>What stands behind an address prefix.</summary>
/// <param name="Identity">Numeric security identity.</param>
/// <param name="Flags">Flags.</param>
/// <param name="TunnelEndpoint">Node to send to through the tunnel, or none.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("ipcache_value")]
public readonly record struct IpcacheValue(
    uint Identity,
    IpcacheFlags Flags,
    Addr128 TunnelEndpoint);
