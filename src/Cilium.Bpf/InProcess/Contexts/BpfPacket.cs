using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Cilium.Bpf.InProcess.Contexts;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess;

/// <summary>
/// A packet with its metadata: <see cref="Load"/>, set what the device knows, run a program, read what it made of it. One object can
/// be loaded again and again without allocation.
/// </summary>
public sealed unsafe class BpfPacket : BpfContext, IDisposable
{
    /// <summary>Free bytes before a loaded frame.</summary>
    internal const int Headroom = 256;

    /// <summary>No packet may grow beyond this.</summary>
    internal const int MaximumBytes = 1 << 18;

    private const int EthernetBytes = 14;
    private const int InitialCapacity = 4096;

    private readonly byte* _fields = (byte*)NativeMemory.AllocZeroed(SkbFields.Bytes + SkbFields.XdpBytes);
    private byte* _buffer = (byte*)NativeMemory.AllocZeroed(InitialCapacity);
    private int _capacity = InitialCapacity;
    private int _start = Headroom;
    private int _length;
    internal TunnelState TunnelState;

    /// <summary>Frees the memory of a forgotten packet.</summary>
    ~BpfPacket() => Free();

    /// <summary>The frame as it is now; valid until the packet is loaded, run or disposed.</summary>
    public ReadOnlySpan<byte> Bytes => new(_buffer + _start, _length);

    /// <summary>Bytes of the frame.</summary>
    public int Length => _length;

    /// <summary>The mark (<c>skb->mark</c>).</summary>
    public uint Mark { get => U32(SkbFields.Mark); set => U32(SkbFields.Mark) = value; }

    /// <summary>The priority (<c>skb->priority</c>).</summary>
    public uint Priority { get => U32(SkbFields.Priority); set => U32(SkbFields.Priority) = value; }

    /// <summary>The device it is on.</summary>
    public uint Ifindex { get => U32(SkbFields.Ifindex); set => U32(SkbFields.Ifindex) = value; }

    /// <summary>The device it came in by; zero when it was made here.</summary>
    public uint IngressIfindex
    {
        get => U32(SkbFields.IngressIfindex);
        set
        {
            U32(SkbFields.IngressIfindex) = value;
            U32(SkbFields.Bytes + SkbFields.XdpIngressIfindex) = value;
        }
    }

    /// <summary>For whom it is: 0 this host, 1 broadcast, 2 multicast, 3 another host.</summary>
    public uint PacketType { get => U32(SkbFields.PacketType); set => U32(SkbFields.PacketType) = value; }

    /// <summary>What the tunnel device says, or the program said; null when there is nothing.</summary>
    public BpfTunnelKey? Tunnel
    {
        get => TunnelState.Exists ? TunnelState.ToKey() : null;
        set => TunnelState = value is null ? default : TunnelState.From(value);
    }

    /// <summary>Whether <see cref="Tunnel"/> was set by a program for sending; otherwise it came with the packet.</summary>
    public bool IsTunnelForSending => TunnelState is { Exists: true, IsTransmit: true };

    /// <summary>Who answers <c>bpf_fib_lookup</c> for this packet: the routes of its network namespace. Null: nothing is routed.</summary>
    public IBpfRouting? Routing { get; set; }

    /// <summary>The flow hash (<c>skb->hash</c>); zero when it was not computed yet.</summary>
    public uint Hash { get => U32(SkbFields.Hash); set => U32(SkbFields.Hash) = value; }

    /// <summary>Where the last run redirected it.</summary>
    public BpfRedirect Redirect { get; internal set; }

    /// <summary>Whether only the pseudo header is in its L4 checksum yet, as in what a local process sends (CHECKSUM_PARTIAL).</summary>
    public bool HasPartialChecksum { get; set; }

    /// <summary>Whether a program has put another header around it.</summary>
    internal bool IsEncapsulated { get; set; }

    internal byte* Data => _buffer + _start;

    /// <summary>The address of the first byte, as programs see it.</summary>
    internal uint DataAddress => Address.PacketStart + (uint)_start;

    /// <summary>Takes a frame that begins with its Ethernet header, and forgets everything about the one before.</summary>
    public void Load(ReadOnlySpan<byte> frame)
    {
        NativeMemory.Clear(_fields, SkbFields.Bytes + SkbFields.XdpBytes);
        TunnelState = default;
        Redirect = default;
        HasPartialChecksum = false;
        IsEncapsulated = false;
        Routing = null;
        _start = Headroom;
        _length = 0;
        Resize(frame.Length);
        frame.CopyTo(new Span<byte>(_buffer + _start, _length));
        if (frame.Length >= EthernetBytes)
        {
            *(ushort*)(_fields + SkbFields.Protocol) = ProtocolOf(frame);
            PacketType = (frame[0] & 1) == 0 ? frame[..6].ContainsAnyExcept((byte)0) ? 3u : 0u : frame[..6].ContainsAnyExcept((byte)0xFF) ? 2u : 1u;
        }
    }

    /// <summary>The frame for changes by a device or a stack, which have to keep checksums right themselves; valid as <see cref="Bytes"/> is.</summary>
    public Span<byte> Edit() => new(_buffer + _start, _length);

    /// <summary>Clears what only programs on one device tell each other (<c>cb</c>, <c>tc_index</c>, <c>tc_classid</c>).</summary>
    public void ForgetControlBlock()
    {
        Field(SkbFields.Cb, SkbFields.CbBytes).Clear();
        U32(SkbFields.TcIndex) = 0;
        U32(SkbFields.TcClassId) = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    internal override byte* StructurePointer(ProgramType type) => type == ProgramType.Xdp ? _fields + SkbFields.Bytes : _fields;

    internal override ReadOnlySpan<byte> Structure(ProgramType type) =>
        type == ProgramType.Xdp ? new(_fields + SkbFields.Bytes, SkbFields.XdpBytes) : new(_fields, SkbFields.Bytes);

    internal override bool IsWritable(ProgramType type, uint offset, uint bytes) => type == ProgramType.SchedCls && SkbFields.IsWritable(offset, bytes);

    internal override void Begin(ProgramType type)
    {
        Redirect = default;
        Tell();
    }

    /// <summary>The region of the packet for programs.</summary>
    internal Region Region() => Memory.Region.Piece(_buffer + _start, DataAddress, (uint)_length, writable: true);

    internal ref uint U32(int offset) => ref Unsafe.AsRef<uint>(_fields + offset);

    internal Span<byte> Field(int offset, int bytes) => new(_fields + offset, bytes);

    /// <summary>Makes the frame longer (with zeros) or shorter at its end.</summary>
    internal void Resize(int length)
    {
        var needed = _start + length;
        if (needed > _capacity)
        {
            var capacity = Math.Max(needed, _capacity * 2);
            _buffer = (byte*)NativeMemory.Realloc(_buffer, (nuint)capacity);
            _capacity = capacity;
        }
        if (length > _length)
            new Span<byte>(_buffer + _start + _length, length - _length).Clear();
        _length = length;
        Tell();
    }

    /// <summary>Moves the frame's beginning by bytes; what is new is zero. Returns false when there is no room.</summary>
    internal bool MoveStart(int delta)
    {
        if (_start + delta < 0 || _length - delta < EthernetBytes)
            return false;
        _start += delta;
        _length -= delta;
        if (delta < 0)
            new Span<byte>(_buffer + _start, -delta).Clear();
        Tell();
        return true;
    }

    /// <summary>Makes room (zeros) behind the first bytes, or takes what is there away; those bytes move. Returns false when there is no room.</summary>
    internal bool MoveTail(int keep, int room)
    {
        Span<byte> first = stackalloc byte[keep];
        new ReadOnlySpan<byte>(_buffer + _start, keep).CopyTo(first);
        if (!MoveStart(-room))
            return false;
        first.CopyTo(new Span<byte>(_buffer + _start, keep));
        if (room > 0)
            new Span<byte>(_buffer + _start + keep, room).Clear();
        return true;
    }

    private static ushort ProtocolOf(ReadOnlySpan<byte> frame)
    {
        var type = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]);
        if (type < 0x600)
        {
            // A length: 802.3 "raw" when the payload begins with all ones, else 802.2.
            var isRaw = frame.Length >= EthernetBytes + 2 && frame[14] == 0xFF && frame[15] == 0xFF;
            type = isRaw ? (ushort)1 : (ushort)4;
        }
        return BinaryPrimitives.ReverseEndianness(type);
    }

    private void Tell()
    {
        var data = DataAddress;
        var end = data + (uint)_length;
        U32(SkbFields.Length) = (uint)_length;
        U32(SkbFields.Data) = data;
        U32(SkbFields.DataEnd) = end;
        U32(SkbFields.DataMeta) = data;
        U32(SkbFields.Bytes + SkbFields.XdpData) = data;
        U32(SkbFields.Bytes + SkbFields.XdpDataEnd) = end;
        U32(SkbFields.Bytes + SkbFields.XdpDataMeta) = data;
    }

    private void Free()
    {
        NativeMemory.Free(_buffer);
        NativeMemory.Free(_fields);
        _buffer = null;
    }
}
