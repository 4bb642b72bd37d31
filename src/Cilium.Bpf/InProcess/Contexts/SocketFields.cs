using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Cilium.Bpf.InProcess.Contexts;

/// <summary>Offsets in <c>struct bpf_sock</c>, and what the kernel has in its fields (Linux 6.18 net/core/filter.c, bpf_sock_convert_ctx_access).</summary>
internal static class SocketFields
{
    internal const int Bytes = 80;
    internal const int BoundIfindex = 0;
    internal const int Family = 4;
    internal const int Type = 8;
    internal const int Protocol = 12;
    internal const int Mark = 16;
    internal const int Priority = 20;
    internal const int LocalIp4 = 24;
    internal const int LocalIp6 = 28;
    internal const int LocalPort = 44;
    internal const int RemotePort = 48;
    internal const int RemoteIp4 = 52;
    internal const int RemoteIp6 = 56;
    internal const int State = 72;
    internal const int RxQueue = 76;

    private const byte Tcp = 6;
    private const uint Stream = 1;
    private const uint Datagram = 2;
    private const uint Internet6 = 10;

    /// <summary>The IPv4 address of a socket that has an IPv6 one (LOOPBACK4_IPV6, Linux 6.18 include/net/ipv6.h).</summary>
    private const uint NoIp4 = 0x7F000006;

    /// <summary>Whether bytes can be read of a socket that may be a request or the remains of a connection.</summary>
    internal static bool IsCommon(uint offset, uint bytes) =>
        offset + bytes <= Type || (offset >= LocalIp4 && offset + bytes <= Bytes);

    internal static void Write(BpfSocket socket, Span<byte> fields)
    {
        fields[..Bytes].Clear();
        Put(fields, BoundIfindex, socket.BoundIfindex);
        Put(fields, Family, socket.Family);
        Put(fields, Type, socket.Protocol == Tcp ? Stream : Datagram);
        Put(fields, Protocol, socket.Protocol);
        Put(fields, Mark, socket.Mark);
        Put(fields, Priority, socket.Priority);
        WriteAddress(socket, socket.LocalAddress, NoIp4, fields[LocalIp4..], fields[LocalIp6..]);
        Put(fields, LocalPort, socket.LocalPort);
        BinaryPrimitives.WriteUInt16BigEndian(fields[RemotePort..], socket.RemotePort);
        WriteAddress(socket, socket.RemoteAddress, socket.WasAccepted ? NoIp4 : 0, fields[RemoteIp4..], fields[RemoteIp6..]);
        Put(fields, State, (uint)socket.State);
        Put(fields, RxQueue, (uint)socket.RxQueue);
    }

    private static void WriteAddress(BpfSocket socket, UInt128 address, uint none, Span<byte> ip4, Span<byte> ip6)
    {
        var isIp4 = address >> 32 is var high && (high == 0xFFFF || address == 0);
        BinaryPrimitives.WriteUInt32BigEndian(ip4, isIp4 ? (uint)address : none);
        // Of IPv4, only connections of TCP have them in the fields of IPv6 too.
        if (socket.Family == Internet6 || (socket.Protocol == Tcp && socket.RemotePort != 0))
            BinaryPrimitives.WriteUInt128BigEndian(ip6, address);
    }

    private static void Put(Span<byte> fields, int offset, uint value) => MemoryMarshal.Write(fields[offset..], value);
}
