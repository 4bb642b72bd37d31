using System.Buffers.Binary;

namespace Cilium.Lab.Serving.Protobuf;

/// <summary>Walks the fields of one protobuf message.</summary>
internal ref struct ProtobufFields(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> rest = message;

    public int Number { get; private set; }

    /// <summary>The value of a number field, else zero.</summary>
    public ulong Integer { get; private set; }

    /// <summary>The value of a length-delimited field, else empty.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>Moves to the next field; false at the end.</summary>
    /// <exception cref="InvalidDataException">The message ends within a field.</exception>
    public bool Next()
    {
        if (rest.IsEmpty) return false;
        var key = Varint();
        Number = (int)(key >> 3);
        Integer = 0;
        Bytes = [];
        switch (key & 7)
        {
            case 0:
                Integer = Varint();
                break;
            case 1:
                Integer = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                break;
            case 2:
                Bytes = Take(Varint());
                break;
            case 5:
                Integer = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                break;
            default:
                throw new InvalidDataException("unknown wire type");
        }

        return true;
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)rest.Length) throw new InvalidDataException("unexpected end");
        var taken = rest[..(int)count];
        rest = rest[(int)count..];
        return taken;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = Take(1)[0];
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80) return value;
        }

        throw new InvalidDataException("a number is too long");
    }
}
