using System.Buffers.Binary;

namespace Cilium.VirtualNetwork.Captures;

/// <summary>pcapng: sections, interfaces, packets; blocks of other kinds are passed over.</summary>
internal sealed class PcapNgReader : CaptureReader
{
    internal const uint SectionBlock = 0x0A0D0D0A;
    internal const uint InterfaceBlock = 1;
    internal const uint PacketBlock = 2;
    internal const uint SimplePacketBlock = 3;
    internal const uint EnhancedPacketBlock = 6;
    internal const uint ByteOrderMagic = 0x1A2B3C4D;
    internal const ushort ResolutionOption = 9;
    internal const ushort OffsetOption = 14;
    private const uint SwappedByteOrderMagic = 0x4D3C2B1A;
    private const int FrameBytes = 12;
    private const long NanosecondsPerSecond = 1_000_000_000;
    private readonly List<Source> _sources = [];
    private bool _isBigEndian;

    internal PcapNgReader(Stream stream)
        : base(stream, sizeof(uint)) => BeginSection();

    private sealed record Source(ushort LinkType, uint SnapLength, byte Resolution, long OffsetSeconds);

    public override bool TryRead(out CapturedFrame frame)
    {
        frame = default;
        Span<byte> kind = stackalloc byte[4];
        while (TryFill(kind, "a block's type"))
        {
            var type = U32(kind, 0);
            // The type of a section reads the same in both byte orders; what follows it need not.
            if (type == SectionBlock)
            {
                BeginSection();
                continue;
            }
            var body = Body(U32(Bytes(4, "a block's length"), 0));
            switch (type)
            {
                case InterfaceBlock:
                    _sources.Add(Interface(body));
                    continue;
                case EnhancedPacketBlock:
                    frame = Enhanced(body, (int)Math.Min(U32Of(body, 0), int.MaxValue));
                    return true;
                case PacketBlock:
                    frame = Enhanced(body, U16(body, 0));
                    return true;
                case SimplePacketBlock:
                    frame = Simple(body);
                    return true;
                default:
                    continue;
            }
        }
        return false;
    }

    private void BeginSection()
    {
        var start = Bytes(8, "a section's header");
        _isBigEndian = BinaryPrimitives.ReadUInt32LittleEndian(start.AsSpan(4)) switch
        {
            ByteOrderMagic => false,
            SwappedByteOrderMagic => true,
            var other => throw Broken($"a section has the byte-order magic 0x{other:x8}"),
        };
        var length = U32(start, 0);
        var rest = Rest(length, FrameBytes);
        if (rest.Length < 16)
            throw Broken($"a section's header of {length} bytes is too short");
        var major = U16(rest, 0);
        if (major != 1)
            throw Broken($"version {major} of pcapng is not known");
        CheckTrailer(rest, length);
        _sources.Clear();
    }

    private byte[] Body(uint length)
    {
        var rest = Rest(length, 8);
        CheckTrailer(rest, length);
        return rest[..^4];
    }

    /// <summary>What is left of a block, trailing length included.</summary>
    private byte[] Rest(uint length, int already)
    {
        if (length < FrameBytes || length % 4 != 0 || length > MaximumBytes || length < already + 4)
            throw Broken($"a block of {length} bytes");
        return Bytes((int)length - already, "a block");
    }

    private void CheckTrailer(byte[] rest, uint length)
    {
        var trailer = U32(rest, rest.Length - 4);
        if (trailer != length)
            throw Broken($"a block begins with the length {length} and ends with {trailer}");
    }

    private Source Interface(byte[] body)
    {
        if (body.Length < 8)
            throw Broken("an interface block is too short");
        var (resolution, offset) = ((byte)6, 0L);
        for (var at = 8; at + 4 <= body.Length;)
        {
            var (code, length) = (U16(body, at), U16(body, at + 2));
            at += 4;
            if (code == 0)
                break;
            if (at + length > body.Length)
                throw Broken($"option {code} of an interface block is longer than the block");
            if (code == ResolutionOption && length >= 1)
                resolution = body[at];
            else if (code == OffsetOption && length >= 8)
                offset = (long)(_isBigEndian ? BinaryPrimitives.ReadUInt64BigEndian(body.AsSpan(at)) : BinaryPrimitives.ReadUInt64LittleEndian(body.AsSpan(at)));
            at += (length + 3) & ~3;
        }
        return new Source(U16(body, 0), U32(body, 4), resolution, offset);
    }

    private CapturedFrame Enhanced(byte[] body, int index)
    {
        const int header = 20;
        if (body.Length < header)
            throw Broken("a packet block is too short");
        if (index >= _sources.Count)
            throw Broken($"a packet is of interface {index}, but the section has {_sources.Count}");
        var (captured, original) = (U32(body, 12), U32(body, 16));
        if (captured > body.Length - header || original > int.MaxValue)
            throw Broken($"a packet block says that {captured} of {original} bytes were captured, and has {body.Length - header}");
        var source = _sources[index];
        var ticks = (ulong)U32(body, 4) << 32 | U32(body, 8);
        return new CapturedFrame(Nanoseconds(source, ticks), body.AsMemory(header, (int)captured), (int)original, source.LinkType, index);
    }

    private CapturedFrame Simple(byte[] body)
    {
        if (_sources.Count == 0)
            throw Broken("a packet comes before any interface");
        var source = _sources[0];
        var original = U32Of(body, 0);
        if (original > int.MaxValue)
            throw Broken($"a packet of {original} bytes");
        var captured = Math.Min((int)original, body.Length - 4);
        if (source.SnapLength != 0)
            captured = (int)Math.Min((uint)captured, source.SnapLength);
        return new CapturedFrame(0, body.AsMemory(4, captured), (int)original, source.LinkType);
    }

    private long Nanoseconds(Source source, ulong ticks)
    {
        var exponent = source.Resolution & 0x7F;
        var isPower2 = (source.Resolution & 0x80) != 0;
        if (exponent > (isPower2 ? 63 : 19))
            throw Broken($"an interface has ticks of {(isPower2 ? "2" : "10")} to the power of -{exponent} seconds");
        var perSecond = isPower2 ? UInt128.One << exponent : PowerOf10(exponent);
        var nanoseconds = (Int128)((UInt128)ticks * (ulong)NanosecondsPerSecond / perSecond) + ((Int128)source.OffsetSeconds * NanosecondsPerSecond);
        return nanoseconds >= long.MinValue && nanoseconds <= long.MaxValue ? (long)nanoseconds : throw Broken($"the timestamp {ticks} is out of range");
    }

    private static UInt128 PowerOf10(int exponent)
    {
        var power = UInt128.One;
        for (var i = 0; i < exponent; i++)
            power *= 10;
        return power;
    }

    private uint U32Of(byte[] body, int offset) => body.Length >= offset + 4 ? U32(body, offset) : throw Broken("a packet block is too short");

    private ushort U16(ReadOnlySpan<byte> bytes, int offset)
    {
        if (bytes.Length < offset + 2)
            throw Broken("a block is too short");
        return _isBigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes[offset..]) : BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);
    }

    private uint U32(ReadOnlySpan<byte> bytes, int offset) =>
        _isBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes[offset..]) : BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
