using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Cilium.Bpf.InProcess.Contexts;
using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

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

    /// <summary>
    /// Bytes of the buffer that an XDP program may fill, from before the headroom to the end: a page without what the kernel keeps at its end
    /// (320 bytes of <c>struct skb_shared_info</c>). A longer frame cannot grow.
    /// </summary>
    private const int XdpFrameEnd = 4096 - 320;

    /// <summary>What the kernel keeps at the beginning of a page that an XDP program is given (<c>struct xdp_frame</c>).</summary>
    private const int XdpFrameStart = 40;

    private const int LargestMetadata = 255;
    private const int EthernetBytes = 14;
    private const int InitialCapacity = 4096;

    private byte* _fields = (byte*)NativeMemory.AllocZeroed(SkbFields.Bytes + SkbFields.XdpBytes);
    private byte* _buffer = (byte*)NativeMemory.AllocZeroed(InitialCapacity);
    private int _capacity = InitialCapacity;
    private int _start = Headroom;
    private int _length;
    private int _lowest = Headroom;
    private bool _mayLackRoom;
    private bool _wasXdp;
    internal TunnelState TunnelState;

    /// <summary>Frees the memory of a forgotten packet.</summary>
    ~BpfPacket() => Free();

    /// <summary>The frame as it is now; valid until the packet is loaded, run or disposed.</summary>
    /// <exception cref="ObjectDisposedException">The packet is disposed; so of all members that look into it.</exception>
    public ReadOnlySpan<byte> Bytes => new(Data, _length);

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

    /// <summary>The queue of the device that it came in by, for XDP programs.</summary>
    public uint RxQueue
    {
        get => U32(SkbFields.Bytes + SkbFields.XdpRxQueue);
        set => U32(SkbFields.Bytes + SkbFields.XdpRxQueue) = value;
    }

    /// <summary>
    /// What an XDP program says about the frame, before its first byte; classifiers on the device read it (<c>data_meta</c>). Valid as
    /// <see cref="Bytes"/> is, and empty when a program has moved the beginning of the frame since.
    /// </summary>
    public ReadOnlySpan<byte> Metadata => new(Data - MetadataBytes, MetadataBytes);

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

    /// <summary>Who answers <c>bpf_sk_lookup_tcp</c> and its kin: the sockets of its network namespace. Null: there are none.</summary>
    public IBpfSockets? Sockets { get; set; }

    /// <summary>The flow hash (<c>skb->hash</c>); zero when it was not computed yet.</summary>
    public uint Hash { get => U32(SkbFields.Hash); set => U32(SkbFields.Hash) = value; }

    /// <summary>
    /// Bytes of payload in each segment that this packet of TCP or UDP stands for (<c>skb->gso_size</c>); zero when it is one packet on the wire.
    /// </summary>
    public int GsoSize
    {
        get => (int)U32(SkbFields.GsoSize);
        set => U32(SkbFields.GsoSize) = (uint)value;
    }

    /// <summary>How many segments it stands for, or zero where nobody counted (<c>skb->gso_segs</c>).</summary>
    public int GsoSegments
    {
        get => (int)U32(SkbFields.GsoSegments);
        set => U32(SkbFields.GsoSegments) = (uint)value;
    }

    /// <summary>Bytes between the Ethernet header and the network header of what is segmented: those of a tunnel around it.</summary>
    public int OuterBytes { get; set; }

    /// <summary>Bytes, from the network header on, of the longest packet that it is on the wire.</summary>
    public int SegmentBytes => GsoSize != 0 && TryReadSegmentHeaders(out var bytes, out _)
        ? Math.Min(_length - EthernetBytes, OuterBytes + bytes + GsoSize)
        : _length - EthernetBytes;

    /// <summary>Where the last run redirected it.</summary>
    public BpfRedirect Redirect { get; internal set; }

    /// <summary>Whether only the pseudo header is in its L4 checksum yet, as in what a local process sends (CHECKSUM_PARTIAL).</summary>
    public bool HasPartialChecksum { get; set; }

    /// <summary>Whether a program has put another header around it.</summary>
    internal bool IsEncapsulated { get; set; }

    /// <summary>The frame behind what is said about it.</summary>
    internal ReadOnlySpan<byte> BytesAndMetadata => new(Data - MetadataBytes, MetadataBytes + _length);

    internal int MetadataBytes { get; private set; }

    /// <summary>A test run says how long segments are, and not of what.</summary>
    internal bool IsGsoUntyped { get; set; }

    internal byte* Data => Living(_buffer) + _start;

    /// <summary>The address of the first byte, as programs see it.</summary>
    internal uint DataAddress => Address.PacketStart + (uint)_start;

    /// <summary>Takes a frame that begins with its Ethernet header, and forgets everything about the one before.</summary>
    public void Load(ReadOnlySpan<byte> frame)
    {
        NativeMemory.Clear(Living(_fields), SkbFields.Bytes + SkbFields.XdpBytes);
        TunnelState = default;
        Redirect = default;
        HasPartialChecksum = false;
        IsEncapsulated = false;
        IsGsoUntyped = false;
        OuterBytes = 0;
        Routing = null;
        Sockets = null;
        MetadataBytes = 0;
        _mayLackRoom = false;
        _wasXdp = false;
        _start = Headroom;
        _lowest = Headroom;
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
    public Span<byte> Edit() => new(Data, _length);

    /// <summary>Clears what only programs on one device tell each other (<c>cb</c>, <c>tc_index</c>, <c>tc_classid</c>, <see cref="Metadata"/>).</summary>
    public void ForgetControlBlock()
    {
        MetadataBytes = 0;
        _mayLackRoom = true;
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
        _ = Living(_buffer);
        Redirect = default;
        if (type == ProgramType.Xdp)
        {
            if (_mayLackRoom)
                MakeRoom();
            _wasXdp = true;
        }
        else if (_wasXdp)
        {
            // The device reads the Ethernet type again behind the XDP program.
            _wasXdp = false;
            *(ushort*)(_fields + SkbFields.Protocol) = ProtocolOf(Bytes);
        }
        Tell();
    }

    /// <summary>The region of the packet, with what was said about it, for programs.</summary>
    internal Region Region() =>
        Memory.Region.Piece(_buffer + _start - MetadataBytes, DataAddress - (uint)MetadataBytes, (uint)(_length + MetadataBytes), writable: true);

    internal ref uint U32(int offset) => ref Unsafe.AsRef<uint>(Living(_fields) + offset);

    internal Span<byte> Field(int offset, int bytes) => new(Living(_fields) + offset, bytes);

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
        MetadataBytes = 0;
        _start += delta;
        _length -= delta;
        _lowest = Math.Min(_lowest, _start);
        if (delta < 0)
            new Span<byte>(_buffer + _start, -delta).Clear();
        Tell();
        return true;
    }

    /// <summary>
    /// Moves the beginning of a frame of an XDP program, and what is said about it along; what was cut off comes back, what never was is zero
    /// (<c>bpf_xdp_adjust_head</c>). Returns false when there is no room.
    /// </summary>
    internal bool MoveXdpStart(int delta)
    {
        if (_start + (long)delta < XdpFrameStart + MetadataBytes || _length - (long)delta < EthernetBytes)
            return false;
        Reach(_start - MetadataBytes + delta);
        Buffer.MemoryCopy(_buffer + _start - MetadataBytes, _buffer + _start - MetadataBytes + delta, MetadataBytes, MetadataBytes);
        _start += delta;
        _length -= delta;
        Tell();
        return true;
    }

    /// <summary>Changes how many bytes are said about a frame (<c>bpf_xdp_adjust_meta</c>). Returns zero or a negated error number.</summary>
    internal int MoveMetadata(int delta)
    {
        var bytes = MetadataBytes - (long)delta;
        if (bytes < 0 || _start - bytes < XdpFrameStart)
            return -Errno.Invalid;
        if (bytes % sizeof(uint) != 0 || bytes > LargestMetadata)
            return -Errno.AccessDenied;
        MetadataBytes = (int)bytes;
        Reach(_start - MetadataBytes);
        Tell();
        return 0;
    }

    internal bool TryReadSegmentHeaders(out int bytes, out byte protocol)
    {
        (bytes, protocol) = (0, 0);
        return _length > EthernetBytes + OuterBytes && SegmentHeaders.TryRead(Bytes[(EthernetBytes + OuterBytes)..], out bytes, out protocol);
    }

    /// <summary>Says this about a frame that was just loaded; no more than fits before it.</summary>
    internal void Say(ReadOnlySpan<byte> metadata)
    {
        MetadataBytes = metadata.Length;
        Reach(_start - MetadataBytes);
        metadata.CopyTo(new Span<byte>(_buffer + _start - MetadataBytes, MetadataBytes));
        Tell();
    }

    /// <summary>Moves the end of a frame of an XDP program; what is new is zero (<c>bpf_xdp_adjust_tail</c>). Returns false when there is no room.</summary>
    internal bool MoveXdpEnd(int delta)
    {
        if ((delta > 0 && _start + _length + (long)delta > XdpFrameEnd) || _length + (long)delta < EthernetBytes)
            return false;
        Resize(_length + delta);
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

    /// <summary>A place before the frame is used for the first time: bytes of earlier packets do not show.</summary>
    private void Reach(int position)
    {
        if (position >= _lowest)
            return;
        new Span<byte>(_buffer + position, _lowest - position).Clear();
        _lowest = position;
    }

    /// <summary>Moves a frame before which programs have used up the room, as the kernel does before an XDP program.</summary>
    private void MakeRoom()
    {
        _mayLackRoom = false;
        if (_start >= Headroom)
            return;
        var (start, length) = (_start, _length);
        _start = Headroom;
        Resize(length);
        Buffer.MemoryCopy(_buffer + start, _buffer + _start, length, length);
        _lowest = Headroom;
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

    /// <summary>Memory that is not freed yet.</summary>
    private byte* Living(byte* memory)
    {
        ObjectDisposedException.ThrowIf(memory == null, this);
        return memory;
    }

    private ref uint Word(int offset) => ref Unsafe.AsRef<uint>(_fields + offset);

    private void Tell()
    {
        var data = DataAddress;
        var end = data + (uint)_length;
        Word(SkbFields.Length) = (uint)_length;
        Word(SkbFields.Data) = data;
        Word(SkbFields.DataEnd) = end;
        Word(SkbFields.DataMeta) = data - (uint)MetadataBytes;
        Word(SkbFields.Bytes + SkbFields.XdpData) = data;
        Word(SkbFields.Bytes + SkbFields.XdpDataEnd) = end;
        Word(SkbFields.Bytes + SkbFields.XdpDataMeta) = data - (uint)MetadataBytes;
    }

    private void Free()
    {
        NativeMemory.Free(_buffer);
        NativeMemory.Free(_fields);
        _buffer = null;
        _fields = null;
    }
}
