using System.Buffers.Binary;

namespace Cilium.VirtualNetwork.Captures;

/// <summary>Classic pcap.</summary>
internal sealed class PcapReader : CaptureReader
{
    internal const uint Microseconds = 0xA1B2C3D4;
    internal const uint Nanoseconds = 0xA1B23C4D;
    internal const uint SwappedMicroseconds = 0xD4C3B2A1;
    internal const uint SwappedNanoseconds = 0x4D3CB2A1;
    internal const int HeaderBytes = 24;
    internal const int RecordBytes = 16;
    private const int MagicBytes = 4;
    private readonly bool _isBigEndian;
    private readonly long _fractionNanoseconds;
    private readonly ushort _linkType;

    internal PcapReader(Stream stream, bool isBigEndian, bool isNanoseconds)
        : base(stream, MagicBytes)
    {
        _isBigEndian = isBigEndian;
        _fractionNanoseconds = isNanoseconds ? 1 : 1000;
        var header = Bytes(HeaderBytes - MagicBytes, "the file header");
        // The upper bits tell of frame check sequences.
        _linkType = (ushort)U32(header, 16);
    }

    public override bool TryRead(out CapturedFrame frame)
    {
        frame = default;
        Span<byte> record = stackalloc byte[RecordBytes];
        if (!TryFill(record, "a record's header"))
            return false;
        var (captured, original) = (U32(record, 8), U32(record, 12));
        if (captured > MaximumBytes || original > int.MaxValue)
            throw Broken($"a record says that {captured} of {original} bytes were captured; at most {MaximumBytes} are taken");
        var timestamp = (U32(record, 0) * 1_000_000_000L) + (U32(record, 4) * _fractionNanoseconds);
        frame = new CapturedFrame(timestamp, Bytes((int)captured, "a frame"), (int)original, _linkType);
        return true;
    }

    private uint U32(ReadOnlySpan<byte> bytes, int offset) =>
        _isBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes[offset..]) : BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
