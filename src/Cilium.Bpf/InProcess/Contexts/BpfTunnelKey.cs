using System.Net;

namespace Cilium.Bpf.InProcess;

/// <summary>What a tunnel device tells about a packet, or shall put on it.</summary>
/// <param name="Id">The number on the wire: the VNI.</param>
/// <param name="Remote">The other end: the sender of what came in, the receiver of what goes out.</param>
/// <param name="Local">This end; null leaves it open.</param>
/// <param name="Ttl">Hop limit of the outer header.</param>
/// <param name="Tos">Type of service of the outer header.</param>
public sealed record BpfTunnelKey(uint Id, IPAddress Remote, IPAddress? Local = null, byte Ttl = 0, byte Tos = 0);
