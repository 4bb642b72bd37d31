using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Cilium.Netlink.Native;

namespace Cilium.Netlink.Messages;

/// <summary>Sockets as messages: struct inet_diag_req_v2 and inet_diag_msg of linux/inet_diag.h. Addresses and ports are in network order.</summary>
internal static class SocketMessages
{
    internal const byte InterNetwork = Libc.AfInet;
    internal const byte InterNetwork6 = Libc.AfInet6;
    private const byte Udp = 17;
    private const uint Established = 1u << 1;
    private const int AddressBytes = 16;
    // In an answer: family, state, timer, retransmissions; then the socket's id; expiry, queues, user, inode.
    private const int IdAt = 4;
    private const int IdBytes = 48;
    private const int AnswerBytes = IdAt + IdBytes + 20;
    private const int DestinationPortAt = 2;
    private const int SourceAt = 4;
    private const int DestinationAt = SourceAt + AddressBytes;
    private const int LinkAt = DestinationAt + AddressBytes;
    private const int CookieAt = LinkAt + 4;

    internal static void WriteDump(MessageWriter writer, byte family)
    {
        WriteHead(writer.Begin(SockDiag.ByFamily, 0), family);
        for (var written = 0; written < IdBytes; written += sizeof(uint))
            writer.U32(0);
    }

    internal static void WriteDestroy(MessageWriter writer, ConnectedSocket socket)
    {
        WriteHead(writer.Begin(SockDiag.Destroy, 0), Families.Number(socket.Remote.Address));
        WritePort(writer, socket.Local.Port);
        WritePort(writer, socket.Remote.Port);
        WriteAddress(writer, socket.Local.Address);
        WriteAddress(writer, socket.Remote.Address);
        writer.I32(socket.LinkIndex).U32((uint)socket.Cookie).U32((uint)(socket.Cookie >> 32));
    }

    internal static ConnectedSocket? Parse(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < AnswerBytes)
            return null;
        var family = Families.Family(payload[0]);
        var id = payload.Slice(IdAt, IdBytes);
        return new ConnectedSocket(
            new IPEndPoint(Address(id[SourceAt..], family), BinaryPrimitives.ReadUInt16BigEndian(id)),
            new IPEndPoint(Address(id[DestinationAt..], family), BinaryPrimitives.ReadUInt16BigEndian(id[DestinationPortAt..])),
            BinaryPrimitives.ReadInt32LittleEndian(id[LinkAt..]),
            BinaryPrimitives.ReadUInt64LittleEndian(id[CookieAt..]));
    }

    private static void WriteHead(MessageWriter writer, byte family) => writer.Byte(family).Byte(Udp).Byte(0).Byte(0).U32(Established);

    private static void WritePort(MessageWriter writer, int port) => writer.Byte((byte)(port >> 8)).Byte((byte)port);

    private static void WriteAddress(MessageWriter writer, IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[AddressBytes];
        bytes.Clear();
        address.TryWriteBytes(bytes, out _);
        foreach (var part in bytes)
            writer.Byte(part);
    }

    private static IPAddress Address(ReadOnlySpan<byte> bytes, AddressFamily family) =>
        new(bytes[..(family == AddressFamily.InterNetworkV6 ? AddressBytes : 4)]);
}
