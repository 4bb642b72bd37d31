using System.Net;

namespace Cilium.Netlink;

/// <summary>A socket that is connected to a peer, as the kernel tells of it.</summary>
/// <param name="Local">Its own address and port; an IPv6 socket that speaks IPv4 has IPv4-mapped addresses.</param>
/// <param name="Remote">The peer's.</param>
/// <param name="LinkIndex">The device it is bound to; 0 for none.</param>
/// <param name="Cookie">The number that the kernel gives a socket for as long as it lives; BPF programs see the same.</param>
public readonly record struct ConnectedSocket(IPEndPoint Local, IPEndPoint Remote, int LinkIndex, ulong Cookie);
