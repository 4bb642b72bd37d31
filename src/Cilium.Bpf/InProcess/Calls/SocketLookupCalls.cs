using System.Buffers.Binary;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>Asks the sockets of a namespace (<c>struct bpf_sock_tuple</c>, Linux 6.18 net/core/filter.c, __bpf_skc_lookup).</summary>
internal static unsafe class SocketLookupCalls
{
    private const int IPv4Bytes = 12;
    private const int IPv6Bytes = 36;
    private const byte TcpProtocol = 6;
    private const byte UdpProtocol = 17;

    internal static ulong Tcp(Machine m, ulong context, ulong tuple, ulong length, ulong ns, ulong flags) =>
        Open(m, Look(m, context, tuple, length, ns, flags, TcpProtocol)?.Full, isCommon: false);

    internal static ulong Udp(Machine m, ulong context, ulong tuple, ulong length, ulong ns, ulong flags) =>
        Open(m, Look(m, context, tuple, length, ns, flags, UdpProtocol)?.Full, isCommon: false);

    internal static ulong TcpOrRequest(Machine m, ulong context, ulong tuple, ulong length, ulong ns, ulong flags) =>
        Open(m, Look(m, context, tuple, length, ns, flags, TcpProtocol), isCommon: true);

    internal static ulong Release(Machine m, ulong socket, ulong b, ulong c, ulong d, ulong e)
    {
        if (!m.Sockets.Close(socket))
            m.Fault(1, "no socket that was found and not released yet");
        return 0;
    }

    internal static ulong Full(Machine m, ulong socket, ulong b, ulong c, ulong d, ulong e)
    {
        if (m.Sockets.At(socket) is { } found)
            return found.IsFull ? SocketReferences.FullOf(socket) : 0;
        m.Fault(1, "not a socket");
        return 0;
    }

    private static ulong Open(Machine m, BpfSocket? socket, bool isCommon)
    {
        if (socket is null)
            return 0;
        var address = m.Sockets.Open(socket, isCommon, m.Program, m.Position);
        if (address == 0)
            m.Fault(-1, $"more than {Address.OpenSockets} sockets that are not released");
        return address;
    }

    private static BpfSocket? Look(Machine m, ulong context, ulong tuple, ulong length, ulong ns, ulong flags, byte protocol)
    {
        if (context != Address.Of(Address.Context, 0))
            m.Fault(1, "not the context");
        if ((uint)length == 0)
            m.Fault(3, "a tuple without bytes");
        var place = m.Read(tuple, (uint)length, 2);
        // A negative number of 32 bits is the own namespace, whatever is above it.
        var isOwn = (int)ns < 0;
        if ((uint)length is not (IPv4Bytes or IPv6Bytes) || flags != 0 || (!isOwn && ns > int.MaxValue))
            return null;
        var bytes = new ReadOnlySpan<byte>(place, (int)length);
        var isIPv6 = bytes.Length == IPv6Bytes;
        var addressBytes = isIPv6 ? 16 : 4;
        return m.LookedUp?.Find(new BpfSocketQuery
        {
            IsIPv6 = isIPv6,
            Protocol = protocol,
            RemoteAddress = Number(bytes[..addressBytes]),
            LocalAddress = Number(bytes.Slice(addressBytes, addressBytes)),
            RemotePort = BinaryPrimitives.ReadUInt16BigEndian(bytes[(2 * addressBytes)..]),
            LocalPort = BinaryPrimitives.ReadUInt16BigEndian(bytes[((2 * addressBytes) + 2)..]),
            Ifindex = m.ReceivedBy(),
            NamespaceId = isOwn ? -1 : (int)ns,
        });
    }

    private static UInt128 Number(ReadOnlySpan<byte> address) => address.Length == 16
        ? BinaryPrimitives.ReadUInt128BigEndian(address)
        : ((UInt128)0xFFFF << 32) | BinaryPrimitives.ReadUInt32BigEndian(address);
}
