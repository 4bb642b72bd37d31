using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Cilium.DatapathTests;

/// <summary>A socket that a test opens. One of TCP with another end is a connection, of which both ends are here.</summary>
/// <param name="Family">Of the socket, which may be IPv6 with addresses of IPv4.</param>
/// <param name="Protocol">TCP or UDP.</param>
/// <param name="Local">Where it is bound; with another end never to any address.</param>
internal sealed record TestSocket(AddressFamily Family, ProtocolType Protocol, IPEndPoint Local)
{
    internal IPEndPoint? Remote { get; init; }

    /// <summary>The only device it receives from: 1 is loopback, 2 the other one; 0 for all.</summary>
    internal int Device { get; init; }

    internal bool IsIPv6Only { get; init; }

    /// <summary>Whether others may have its port (SO_REUSEPORT). Sockets of UDP may always (SO_REUSEADDR).</summary>
    internal bool SharesPort { get; init; }

    internal uint Mark { get; init; }

    internal int Priority { get; init; }

    /// <summary>The mark of the other end of a connection.</summary>
    internal uint RemoteMark => Mark + 1000;
}

/// <summary>What the program of lookup.bpf.c is asked (<c>struct question</c>).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal readonly record struct LookupQuestion(uint Kind, uint Bytes, ulong Netns, ulong Flags, ulong Tuple0, ulong Tuple1, ulong Tuple2, ulong Tuple3, ulong Tuple4)
{
    internal const uint Tcp = 0, Udp = 1, TcpOrRequest = 2;

    /// <summary>A question about a packet from one end to the other.</summary>
    internal static LookupQuestion About(uint kind, IPEndPoint from, IPEndPoint to, ulong netns = ulong.MaxValue, ulong flags = 0, uint bytes = 0)
    {
        Span<byte> tuple = stackalloc byte[40];
        tuple.Clear();
        var length = from.AddressFamily == AddressFamily.InterNetwork ? 4 : 16;
        from.Address.TryWriteBytes(tuple, out _);
        to.Address.TryWriteBytes(tuple[length..], out _);
        BinaryPrimitives.WriteUInt16BigEndian(tuple[(2 * length)..], (ushort)from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(tuple[((2 * length) + 2)..], (ushort)to.Port);
        var words = MemoryMarshal.Cast<byte, ulong>(tuple);
        return new LookupQuestion(kind, bytes == 0 ? (uint)(2 * length) + 4 : bytes, netns, flags, words[0], words[1], words[2], words[3], words[4]);
    }
}

/// <summary>What the program says (<c>struct answer</c>): the fields of the socket as they are, addresses in network order.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal readonly record struct LookupAnswer(
    uint Found, uint IsFull, uint Bound, uint Family, uint Type, uint Protocol, uint Mark, uint Priority, uint LocalIp4, ulong LocalIp6High, ulong LocalIp6Low,
    uint LocalPort, uint RemotePort, uint RemoteIp4, ulong RemoteIp6High, ulong RemoteIp6Low, uint State, int RxQueue, uint Count)
{
    internal string LocalIPv4 => new IPAddress(LocalIp4).ToString();

    internal string RemoteIPv4 => new IPAddress(RemoteIp4).ToString();

    internal string LocalIPv6 => IPv6(LocalIp6High, LocalIp6Low);

    internal string RemoteIPv6 => IPv6(RemoteIp6High, RemoteIp6Low);

    private static string IPv6(ulong high, ulong low)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, high);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], low);
        return new IPAddress(bytes).ToString();
    }
}
