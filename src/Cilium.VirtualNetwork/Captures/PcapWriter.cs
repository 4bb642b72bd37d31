using System.Buffers.Binary;

namespace Cilium.VirtualNetwork.Captures;

/// <summary>Writes classic pcap. All frames have one link type. The stream stays the caller's.</summary>
public sealed class PcapWriter
{
    private const long NanosecondsPerSecond = 1_000_000_000;
    private readonly Stream _stream;
    private readonly bool _isBigEndian;
    private readonly bool _isNanoseconds;
    private readonly ushort _linkType;

    /// <summary>Writes the file's header.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="linkType">What frames begin with: 1 for Ethernet (LINKTYPE_*).</param>
    /// <param name="isNanoseconds">Whether timestamps have nanoseconds; else they are cut to microseconds.</param>
    /// <param name="isBigEndian">The byte order.</param>
    public PcapWriter(Stream stream, ushort linkType = CapturedFrame.Ethernet, bool isNanoseconds = true, bool isBigEndian = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        _stream = stream;
        _linkType = linkType;
        _isNanoseconds = isNanoseconds;
        _isBigEndian = isBigEndian;
        Span<byte> header = stackalloc byte[PcapReader.HeaderBytes];
        header.Clear();
        Put(header, isNanoseconds ? PcapReader.Nanoseconds : PcapReader.Microseconds);
        Put(header[4..], isBigEndian ? 2u << 16 | 4 : 4u << 16 | 2);
        Put(header[16..], CaptureReader.MaximumBytes);
        Put(header[20..], linkType);
        stream.Write(header);
    }

    /// <summary>Writes a frame.</summary>
    /// <exception cref="ArgumentException">It is of another link type, or its timestamp is before 1970 or after 2106.</exception>
    public void Write(in CapturedFrame frame)
    {
        var (seconds, rest) = Math.DivRem(frame.Timestamp, NanosecondsPerSecond);
        if (frame.LinkType != _linkType)
            throw new ArgumentException($"a frame of link type {frame.LinkType} does not go into a file of link type {_linkType}", nameof(frame));
        if (frame.Timestamp < 0 || seconds > uint.MaxValue || frame.Bytes.Length > CaptureReader.MaximumBytes)
            throw new ArgumentException($"a frame of {frame.Bytes.Length} bytes at {frame.Timestamp} ns cannot be written", nameof(frame));
        Span<byte> record = stackalloc byte[PcapReader.RecordBytes];
        Put(record, (uint)seconds);
        Put(record[4..], (uint)(_isNanoseconds ? rest : rest / 1000));
        Put(record[8..], (uint)frame.Bytes.Length);
        Put(record[12..], (uint)frame.OriginalLength);
        _stream.Write(record);
        _stream.Write(frame.Bytes.Span);
    }

    private void Put(Span<byte> place, uint value)
    {
        if (_isBigEndian)
            BinaryPrimitives.WriteUInt32BigEndian(place, value);
        else
            BinaryPrimitives.WriteUInt32LittleEndian(place, value);
    }
}
