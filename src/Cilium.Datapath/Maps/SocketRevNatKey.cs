using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>A socket, not of TCP, and the backend it was sent to.</summary>
/// <param name="Cookie">Socket cookie.</param>
/// <param name="Address">The address.</param>
/// <param name="Port">Port.</param>
/// <param name="Pad">Zero.</param>
/// <param name="Pad2">Zero.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("socket_revnat_key")]
public readonly record struct SocketRevNatKey(
    ulong Cookie,
    Addr128 Address,
    NetPort Port,
    ushort Pad,
    uint Pad2);
