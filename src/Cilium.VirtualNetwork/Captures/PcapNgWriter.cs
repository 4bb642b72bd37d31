using System.Buffers.Binary;

namespace Cilium.VirtualNetwork.Captures;

/// <summary>Writes pcapng: one section, little-endian, timestamps in nanoseconds. The stream stays the caller's.</summary>
public sealed class PcapNgWriter
{
    private const byte Nanoseconds = 9;
    private const int NameOption = 2;
    private readonly Stream _stream;
    private readonly List<ushort> _linkTypes = [];

    /// <summary>Writes the section's header.</summary>
    public PcapNgWriter(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        _stream = stream;
        var body = new byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(body, PcapNgReader.ByteOrderMagic);
        BinaryPrimitives.WriteUInt16LittleEndian(body.AsSpan(4), 1);
        // The section's length is not known: all ones.
        body.AsSpan(8).Fill(0xFF);
        Block(PcapNgReader.SectionBlock, body);
    }

    /// <summary>Adds an interface.</summary>
    /// <param name="name">Its name, for readers.</param>
    /// <param name="linkType">What its frames begin with: 1 for Ethernet (LINKTYPE_*).</param>
    /// <returns>Its number, which its frames carry.</returns>
    public int AddInterface(string name, ushort linkType = CapturedFrame.Ethernet)
    {
        var text = System.Text.Encoding.UTF8.GetBytes(name);
        var padded = (text.Length + 3) & ~3;
        var body = new byte[8 + 4 + padded + 8 + 4];
        BinaryPrimitives.WriteUInt16LittleEndian(body, linkType);
        BinaryPrimitives.WriteUInt16LittleEndian(body.AsSpan(8), NameOption);
        BinaryPrimitives.WriteUInt16LittleEndian(body.AsSpan(10), (ushort)text.Length);
        text.CopyTo(body, 12);
        var resolution = body.AsSpan(12 + padded);
        BinaryPrimitives.WriteUInt16LittleEndian(resolution, PcapNgReader.ResolutionOption);
        BinaryPrimitives.WriteUInt16LittleEndian(resolution[2..], 1);
        resolution[4] = Nanoseconds;
        Block(PcapNgReader.InterfaceBlock, body);
        _linkTypes.Add(linkType);
        return _linkTypes.Count - 1;
    }

    /// <summary>Writes a frame.</summary>
    /// <exception cref="ArgumentException">Its interface was not added or has another link type, or its timestamp is before 1970.</exception>
    public void Write(in CapturedFrame frame)
    {
        if (frame.Interface < 0 || frame.Interface >= _linkTypes.Count || _linkTypes[frame.Interface] != frame.LinkType)
            throw new ArgumentException($"the file has no interface {frame.Interface} of link type {frame.LinkType}", nameof(frame));
        if (frame.Timestamp < 0 || frame.Bytes.Length > CaptureReader.MaximumBytes - 32)
            throw new ArgumentException($"a frame of {frame.Bytes.Length} bytes at {frame.Timestamp} ns cannot be written", nameof(frame));
        var body = new byte[20 + ((frame.Bytes.Length + 3) & ~3)];
        BinaryPrimitives.WriteUInt32LittleEndian(body, (uint)frame.Interface);
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(4), (uint)(frame.Timestamp >> 32));
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(8), (uint)frame.Timestamp);
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(12), (uint)frame.Bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(16), (uint)frame.OriginalLength);
        frame.Bytes.Span.CopyTo(body.AsSpan(20));
        Block(PcapNgReader.EnhancedPacketBlock, body);
    }

    private void Block(uint type, ReadOnlySpan<byte> body)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(word, type);
        _stream.Write(word);
        BinaryPrimitives.WriteUInt32LittleEndian(word, (uint)body.Length + 12);
        _stream.Write(word);
        _stream.Write(body);
        _stream.Write(word);
    }
}
