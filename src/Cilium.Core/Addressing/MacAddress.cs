using System.Globalization;
using System.Net.NetworkInformation;

namespace Cilium.Core;

/// <summary>A 48-bit Ethernet address, held in the low 48 bits of a number with the first octet highest.</summary>
public readonly record struct MacAddress(ulong Value)
{
    /// <summary>The all-zero address, used as "none".</summary>
    public static MacAddress None => default;

    /// <summary>A random address with the bits "locally administered" and "unicast" (IEEE 802, section 8.2).</summary>
    public static MacAddress NewLocal(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        const ulong group = 1UL << 40;
        const ulong local = 2UL << 40;
        return new MacAddress(((ulong)random.NextInt64(1L << 48) & ~group) | local);
    }

    /// <summary>Reads six octets in wire order.</summary>
    /// <exception cref="ArgumentException">The span does not have six bytes.</exception>
    public static MacAddress FromBytes(ReadOnlySpan<byte> octets)
    {
        if (octets.Length != 6)
        {
            throw new ArgumentException($"an Ethernet address has 6 bytes, not {octets.Length}", nameof(octets));
        }

        ulong value = 0;
        foreach (var octet in octets)
        {
            value = (value << 8) | octet;
        }

        return new MacAddress(value);
    }

    /// <summary>Writes six octets in wire order.</summary>
    /// <exception cref="IndexOutOfRangeException"><paramref name="destination"/> is shorter than six bytes.</exception>
    public void WriteBytes(Span<byte> destination)
    {
        for (var i = 0; i < 6; i++)
        {
            destination[i] = (byte)(Value >> (40 - (8 * i)));
        }
    }

    /// <summary>The same as the framework has it.</summary>
    public PhysicalAddress ToPhysicalAddress()
    {
        var octets = new byte[6];
        WriteBytes(octets);
        return new PhysicalAddress(octets);
    }

    /// <summary>Parses six colon-separated hexadecimal octets.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out MacAddress address)
    {
        address = default;
        if (text.Length != 17)
        {
            return false;
        }

        ulong value = 0;
        for (var i = 0; i < 6; i++)
        {
            if ((i > 0 && text[(3 * i) - 1] != ':')
                || !byte.TryParse(text.Slice(3 * i, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var octet))
            {
                return false;
            }

            value = (value << 8) | octet;
        }

        address = new MacAddress(value);
        return true;
    }

    /// <summary>Six lower-case hexadecimal octets with colons.</summary>
    public override string ToString() => string.Create(17, Value, static (span, value) =>
    {
        for (var i = 0; i < 6; i++)
        {
            ((byte)(value >> (40 - (8 * i)))).TryFormat(span[(3 * i)..], out _, "x2", CultureInfo.InvariantCulture);
            if (i < 5)
            {
                span[(3 * i) + 2] = ':';
            }
        }
    });
}
