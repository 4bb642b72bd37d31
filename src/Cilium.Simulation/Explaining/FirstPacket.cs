using System.Buffers.Binary;
using Cilium.Core;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Explaining;

/// <summary>The first packet of a connection, as a process in a namespace causes it.</summary>
internal static class FirstPacket
{
    private const byte Sctp = 132;
    private const int SctpHeaderBytes = 12;
    private const int Unreachable = 101;

    /// <summary>Sends it. Returns the error of the socket call, or zero.</summary>
    /// <exception cref="QuestionException">The protocol cannot be asked about.</exception>
    internal static int Send(VirtualNamespace from, Endpoint to, L4Protocol protocol, ushort sctpSourcePort)
    {
        switch (protocol)
        {
            case L4Protocol.Tcp:
                using (var connection = from.Sockets.ConnectTcp(to))
                    return connection.Error;
            case L4Protocol.Udp:
                using (var socket = from.Sockets.OpenUdp())
                    return socket.Connect(to) is not 0 and var refused ? refused : socket.Send("explain"u8);
            case L4Protocol.Icmp or L4Protocol.IcmpV6:
                from.Sockets.Echo(to.Address).Dispose();
                return 0;
            case L4Protocol.Sctp:
                // Nothing but the header: the programs look at the ports alone.
                var header = new byte[SctpHeaderBytes];
                BinaryPrimitives.WriteUInt16BigEndian(header, sctpSourcePort);
                BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), to.Port);
                return from.SendPayload(to.Address, Sctp, header) ? 0 : Unreachable;
            default:
                throw new QuestionException($"protocol {protocol} cannot be asked about");
        }
    }
}
