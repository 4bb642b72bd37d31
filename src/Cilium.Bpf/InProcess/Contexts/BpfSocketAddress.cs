using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Cilium.Bpf.InProcess.Contexts;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess;

/// <summary>
/// The address that a process gives to, or gets from, a socket call: what programs on connect, sendmsg, recvmsg and getpeername see
/// and change (<c>struct bpf_sock_addr</c>). Addresses and ports are as on the wire.
/// </summary>
public sealed unsafe class BpfSocketAddress : BpfContext, IDisposable
{
    internal const int StructureBytes = 72;
    internal const int UserFamily = 0;
    internal const int UserIp4 = 4;
    internal const int UserIp6 = 8;
    internal const int UserPort = 24;
    internal const int SocketFamily = 28;
    internal const int SocketType = 32;
    internal const int SocketProtocol = 36;
    internal const int SocketPointer = 64;

    // The structure, and behind it the socket that it points to.
    private readonly byte* _fields = (byte*)NativeMemory.AllocZeroed(StructureBytes + SocketFields.Bytes);
    private bool _isFreed;

    /// <summary>Frees the memory of a forgotten address.</summary>
    ~BpfSocketAddress() => Free();

    /// <summary>The family of the given address: 2 for IPv4, 10 for IPv6.</summary>
    public uint Family { get => U32(UserFamily); set => U32(UserFamily) = value; }

    /// <summary>The IPv4 address, in network order.</summary>
    public uint Ipv4 { get => U32(UserIp4); set => U32(UserIp4) = value; }

    /// <summary>The IPv6 address: 16 bytes, read and written in place.</summary>
    /// <exception cref="ObjectDisposedException">The address is disposed; so of all members that look into the structure.</exception>
    public Span<byte> Ipv6
    {
        get
        {
            ObjectDisposedException.ThrowIf(_isFreed, this);
            return new Span<byte>(_fields + UserIp6, 16);
        }
    }

    /// <summary>The port, in network order.</summary>
    public uint Port { get => U32(UserPort); set => U32(UserPort) = value; }

    /// <summary>The protocol of the socket: 6 or 17.</summary>
    public uint Protocol { get => U32(SocketProtocol); set => U32(SocketProtocol) = value; }

    /// <summary>The kind of socket: 1 for a stream, 2 for datagrams.</summary>
    public uint Type { get => U32(SocketType); set => U32(SocketType) = value; }

    /// <summary>
    /// The socket's number, from <c>bpf_get_socket_cookie</c>. What programs store on the socket is stored under it, until
    /// <see cref="InProcessEngine.RemoveSocket"/>.
    /// </summary>
    public ulong Cookie { get; set; }

    /// <summary>The control group of the calling process.</summary>
    public ulong CgroupId { get; set; }

    /// <summary>The network namespace's number.</summary>
    public ulong NetnsCookie { get; set; } = 1;

    /// <summary>Who answers <c>bpf_sk_lookup_tcp</c> and its kin: the sockets of the network namespace. Null: there are none.</summary>
    public IBpfSockets? Sockets { get; set; }

    /// <summary>The negated error that the program gave the call, or zero.</summary>
    public int ReturnValue { get; internal set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    internal override byte* StructurePointer(ProgramType type) => _fields;

    internal override ReadOnlySpan<byte> Structure(ProgramType type) => new(_fields, StructureBytes);

    internal Span<byte> Fields
    {
        get
        {
            ObjectDisposedException.ThrowIf(_isFreed, this);
            return new Span<byte>(_fields, StructureBytes);
        }
    }

    internal override bool IsWritable(ProgramType type, uint offset, uint bytes) => IsWritable(offset, bytes);

    internal static bool IsWritable(uint offset, uint bytes)
    {
        return Within(UserIp4, 20) || Within(UserPort, 4) || Within(40, 20);

        bool Within(uint field, uint length) => offset >= field && offset + bytes <= field + length;
    }

    internal override void Begin(ProgramType type)
    {
        ObjectDisposedException.ThrowIf(_isFreed, this);
        ReturnValue = 0;
        Unsafe.WriteUnaligned(_fields + SocketPointer, Address.Of(Address.Socket, 0));
        U32(StructureBytes + SocketFields.Family) = U32(SocketFamily) == 0 ? Family : U32(SocketFamily);
        U32(StructureBytes + SocketFields.Type) = Type;
        U32(StructureBytes + SocketFields.Protocol) = Protocol;
    }

    /// <summary>The socket for programs.</summary>
    internal Region SocketRegion() => Region.Piece(_fields + StructureBytes, 0, SocketFields.Bytes, writable: false);

    private ref uint U32(int offset)
    {
        ObjectDisposedException.ThrowIf(_isFreed, this);
        return ref Unsafe.AsRef<uint>(_fields + offset);
    }

    private void Free()
    {
        if (_isFreed)
            return;
        _isFreed = true;
        NativeMemory.Free(_fields);
    }
}
