using System.Buffers.Binary;

namespace Cilium.Netlink.Messages;

/// <summary>Walks the messages of a datagram; any bytes are safe, and a malformed rest ends the walk.</summary>
internal ref struct MessageReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    internal ushort Type { get; private set; }

    internal ushort Flags { get; private set; }

    internal uint Sequence { get; private set; }

    internal ReadOnlySpan<byte> Payload { get; private set; }

    /// <summary>For an acknowledgement: zero, or a negated errno.</summary>
    internal readonly int Result => Payload.Length >= 4 ? BinaryPrimitives.ReadInt32LittleEndian(Payload) : 0;

    internal bool Next()
    {
        if (_rest.Length < Nl.HeaderBytes)
            return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(_rest);
        if (length < Nl.HeaderBytes || length > _rest.Length)
            return false;
        Type = BinaryPrimitives.ReadUInt16LittleEndian(_rest[4..]);
        Flags = BinaryPrimitives.ReadUInt16LittleEndian(_rest[6..]);
        Sequence = BinaryPrimitives.ReadUInt32LittleEndian(_rest[8..]);
        Payload = _rest[Nl.HeaderBytes..(int)length];
        var padded = ((int)length + 3) & ~3;
        _rest = padded >= _rest.Length ? default : _rest[padded..];
        return true;
    }

    /// <summary>The kernel's text in an acknowledgement, or null.</summary>
    internal readonly string? Reason()
    {
        const int errorBytes = 4;
        if ((Flags & Nl.AckAttributes) == 0 || Payload.Length < errorBytes + Nl.HeaderBytes)
            return null;
        // The request's header follows the error; its body too, unless capped.
        var request = BinaryPrimitives.ReadUInt32LittleEndian(Payload[errorBytes..]);
        var skip = (long)errorBytes + ((Flags & Nl.Capped) != 0 ? Nl.HeaderBytes : (request + 3L) & ~3L);
        if (skip > Payload.Length)
            return null;
        var attributes = new AttributeReader(Payload[(int)skip..]);
        while (attributes.Next())
        {
            if (attributes.Type == Nl.AckMessage)
                return attributes.Text;
        }
        return null;
    }
}
