using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Cilium.Netlink.Messages;

/// <summary>Builds one netlink message in a buffer that is used again for the next.</summary>
internal sealed class MessageWriter
{
    private byte[] _buffer = new byte[512];
    private int _length;

    internal ReadOnlySpan<byte> Message => _buffer.AsSpan(0, _length);

    internal ushort Type => BinaryPrimitives.ReadUInt16LittleEndian(_buffer.AsSpan(4));

    /// <summary>Starts a message; the length and sequence are written when it is sent.</summary>
    internal MessageWriter Begin(ushort type, ushort flags)
    {
        _length = 0;
        var header = Take(Nl.HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], type);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], (ushort)(flags | Nl.Request));
        return this;
    }

    internal void AddFlags(ushort flags) =>
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(6), (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(_buffer.AsSpan(6)) | flags));

    internal ReadOnlySpan<byte> Finish(uint sequence)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_buffer, _length);
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(8), sequence);
        return Message;
    }

    internal MessageWriter Byte(byte value)
    {
        Take(1)[0] = value;
        return this;
    }

    internal MessageWriter U16(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(Take(2), value);
        return this;
    }

    internal MessageWriter U32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);
        return this;
    }

    internal MessageWriter I32(int value) => U32((uint)value);

    internal MessageWriter Attribute(ushort type, ReadOnlySpan<byte> value)
    {
        var start = BeginNest(type);
        value.CopyTo(Take(value.Length));
        return EndNest(start);
    }

    internal MessageWriter Attribute(ushort type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Attribute(type, bytes);
    }

    internal MessageWriter AttributeByte(ushort type, byte value) => Attribute(type, [value]);

    internal MessageWriter AttributePort(ushort type, int port)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)port);
        return Attribute(type, bytes);
    }

    internal MessageWriter Attribute(ushort type, string value) => Attribute(type, Encoding.UTF8.GetBytes(value + "\0"));

    internal MessageWriter Attribute(ushort type, IPAddress value)
    {
        Span<byte> bytes = stackalloc byte[16];
        value.TryWriteBytes(bytes, out var written);
        return Attribute(type, bytes[..written]);
    }

    /// <summary>Opens an attribute; what follows is inside until <see cref="EndNest"/>. Returns where it starts.</summary>
    internal int BeginNest(ushort type)
    {
        var start = _length;
        var header = Take(4);
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], type);
        return start;
    }

    internal MessageWriter EndNest(int start)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(start), (ushort)(_length - start));
        Take((4 - (_length & 3)) & 3);
        return this;
    }

    private Span<byte> Take(int bytes)
    {
        if (_length + bytes > _buffer.Length)
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + bytes));
        var span = _buffer.AsSpan(_length, bytes);
        span.Clear();
        _length += bytes;
        return span;
    }
}
