namespace Cilium.VirtualNetwork.Wire;

/// <summary>Flags of a TCP segment (RFC 9293).</summary>
[Flags]
internal enum TcpFlags : byte
{
    None = 0,
    Fin = 1,
    Syn = 2,
    Rst = 4,
    Push = 8,
    Ack = 16,
}
