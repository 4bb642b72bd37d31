using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>The service that a socket believes to speak to.</summary>
/// <param name="Address">The address.</param>
/// <param name="Port">Port.</param>
/// <param name="Pad">Zero.</param>
/// <param name="ServiceId">Service id, which is also the reverse translation id; zero: none.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("socket_revnat_value")]
public readonly record struct SocketRevNatValue(
    Addr128 Address,
    NetPort Port,
    ushort Pad,
    uint ServiceId);
