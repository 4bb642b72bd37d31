using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>The service that a TCP socket believes to speak to; kept on the socket once it was asked for.</summary>
/// <param name="Backend">The backend it was connected to.</param>
/// <param name="BackendPort">The backend's port.</param>
/// <param name="Port">The service's port.</param>
/// <param name="ServiceId">Service id, which is also the reverse translation id.</param>
/// <param name="Address">The service's address.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("socket_service")]
public readonly record struct SocketService(
    Addr128 Backend,
    NetPort BackendPort,
    NetPort Port,
    uint ServiceId,
    Addr128 Address);
