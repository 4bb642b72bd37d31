using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Cilium.Netlink.Messages;

/// <summary>Walks the attributes of a message; any bytes are safe, and a malformed rest ends the walk.</summary>
internal ref struct AttributeReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>The current attribute's type, without flags.</summary>
    internal ushort Type { get; private set; }

    /// <summary>The current attribute's bytes.</summary>
    internal ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>A number of one, two, four or eight bytes in the machine's order; zero for other lengths.</summary>
    internal readonly uint Number => Value.Length switch
    {
        1 => Value[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(Value),
        >= 4 => BinaryPrimitives.ReadUInt32LittleEndian(Value),
        _ => 0,
    };

    internal readonly string Text
    {
        get
        {
            var end = Value.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? Value : Value[..end]);
        }
    }

    internal readonly IPAddress? Address => Value.Length is 4 or 16 ? new IPAddress(Value) : null;

    internal bool Next()
    {
        const int header = 4;
        if (_rest.Length < header)
            return false;
        var length = BinaryPrimitives.ReadUInt16LittleEndian(_rest);
        if (length < header || length > _rest.Length)
            return false;
        Type = (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(_rest[2..]) & Nl.TypeMask);
        Value = _rest[header..length];
        var padded = (length + 3) & ~3;
        _rest = padded >= _rest.Length ? default : _rest[padded..];
        return true;
    }
}
