using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>The service that a TCP socket believes to speak to, in the slot that the low bits of its cookie choose.</summary>
/// <param name="Cookie">The socket's cookie (<c>SO_COOKIE</c>), 0 while the slot is no socket's.</param>
/// <param name="Service">What it was connected to.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("socket_slot")]
public readonly record struct SocketSlot(
    ulong Cookie,
    SocketService Service);
