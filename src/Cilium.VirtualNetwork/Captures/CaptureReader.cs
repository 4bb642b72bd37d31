using System.Buffers.Binary;

namespace Cilium.VirtualNetwork.Captures;

/// <summary>
/// Reads capture files frame by frame: classic pcap of both byte orders with micro- or nanoseconds, and pcapng. What it does is decided by the
/// first four bytes. Not safe for use from many threads; the stream stays the caller's.
/// </summary>
/// <remarks>Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.</remarks>
public abstract class CaptureReader
{
    /// <summary>The most bytes of a frame, or of a block, that are taken.</summary>
    public const int MaximumBytes = 16 << 20;

    private readonly Stream _stream;

    private protected CaptureReader(Stream stream, long offset)
    {
        _stream = stream;
        Offset = offset;
    }

    private protected long Offset { get; private set; }

    /// <summary>Opens a capture.</summary>
    /// <exception cref="CaptureFormatException">It is none, or its header is broken.</exception>
    public static CaptureReader Open(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var magic = new byte[4];
        if (stream.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) != magic.Length)
            throw new CaptureFormatException(0, "the file is shorter than the magic number of a capture");
        return BinaryPrimitives.ReadUInt32LittleEndian(magic) switch
        {
            PcapReader.Microseconds => new PcapReader(stream, isBigEndian: false, isNanoseconds: false),
            PcapReader.Nanoseconds => new PcapReader(stream, isBigEndian: false, isNanoseconds: true),
            PcapReader.SwappedMicroseconds => new PcapReader(stream, isBigEndian: true, isNanoseconds: false),
            PcapReader.SwappedNanoseconds => new PcapReader(stream, isBigEndian: true, isNanoseconds: true),
            PcapNgReader.SectionBlock => new PcapNgReader(stream),
            var other => throw new CaptureFormatException(0, $"the magic number 0x{other:x8} is none of a capture"),
        };
    }

    /// <summary>Reads the next frame; false at the end of the file.</summary>
    /// <exception cref="CaptureFormatException">What comes next is no frame.</exception>
    public abstract bool TryRead(out CapturedFrame frame);

    /// <summary>Reads all frames that are left.</summary>
    /// <exception cref="CaptureFormatException">What comes next is no frame.</exception>
    public IEnumerable<CapturedFrame> ReadAll()
    {
        while (TryRead(out var frame))
            yield return frame;
    }

    /// <summary>Fills a buffer; false when the file ends before its first byte.</summary>
    private protected bool TryFill(Span<byte> buffer, string what)
    {
        var read = _stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        Offset += read;
        if (read == 0 && buffer.Length > 0)
            return false;
        return read == buffer.Length ? true : throw new CaptureFormatException(Offset, $"the file ends within {what}");
    }

    private protected byte[] Bytes(int length, string what)
    {
        var bytes = new byte[length];
        return TryFill(bytes, what) ? bytes : throw new CaptureFormatException(Offset, $"the file ends before {what}");
    }

    private protected CaptureFormatException Broken(string reason) => new(Offset, reason);
}
