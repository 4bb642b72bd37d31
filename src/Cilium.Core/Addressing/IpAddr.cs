using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Cilium.Core;

/// <summary>
/// An IP address of either family as one 128-bit number; IPv4 travels as <c>::ffff:a.b.c.d</c>.
/// </summary>
/// <param name="Hi">The upper 64 bits, in host order.</param>
/// <param name="Lo">The lower 64 bits, in host order.</param>
/// <remarks>Ordered numerically, so that all IPv4 addresses are neighbours. Source: RFC 4291 section 2.5.5.2.</remarks>
public readonly record struct IpAddr(ulong Hi, ulong Lo) : IComparable<IpAddr>
{
    private const ulong MappedIPv4 = 0x0000_ffff_0000_0000;

    /// <summary>The unspecified IPv6 address <c>::</c>, also used as "no address".</summary>
    public static IpAddr None => default;

    /// <summary>True for an IPv4 address.</summary>
    public bool IsIPv4 => Hi == 0 && (Lo >> 32) == 0xffff;

    /// <summary>True for an IPv6 address, the unspecified address included.</summary>
    public bool IsIPv6 => !IsIPv4;

    /// <summary>True for <see cref="None"/>.</summary>
    public bool IsNone => Hi == 0 && Lo == 0;

    /// <summary>Bits of an address of this family: 32 or 128.</summary>
    public int BitLength => IsIPv4 ? 32 : 128;

    /// <summary>The address as one number, in the 128-bit space.</summary>
    public UInt128 Value => new(Hi, Lo);

    /// <summary>The IPv4 address as a number in host order; meaningless for IPv6.</summary>
    public uint IPv4Value => (uint)Lo;

    /// <summary>Makes an IPv4 address from a number in host order.</summary>
    public static IpAddr FromIPv4(uint hostOrder) => new(0, MappedIPv4 | hostOrder);

    /// <summary>Makes an address from a number of the 128-bit space.</summary>
    public static IpAddr FromValue(UInt128 value) => new((ulong)(value >> 64), (ulong)value);

    /// <summary>Reads 4 or 16 bytes in network order.</summary>
    /// <exception cref="ArgumentException">The span has another length.</exception>
    public static IpAddr FromNetworkBytes(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        4 => FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(bytes)),
        16 => new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..])),
        _ => throw new ArgumentException($"an IP address has 4 or 16 bytes, not {bytes.Length}", nameof(bytes)),
    };

    /// <summary>Writes the 16 bytes of the 128-bit form in network order.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is shorter than 16 bytes.</exception>
    public void WriteNetworkBytes(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, Hi);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Lo);
    }

    /// <summary>The bytes of the family's own form, 4 or 16, in network order.</summary>
    public byte[] ToFamilyBytes()
    {
        var bytes = new byte[16];
        WriteNetworkBytes(bytes);
        return IsIPv4 ? bytes[12..] : bytes;
    }

    /// <summary>Converts to the framework's type; IPv4 becomes an <see cref="AddressFamily.InterNetwork"/> address.</summary>
    public IPAddress ToIPAddress() => new(ToFamilyBytes());

    /// <summary>Converts from the framework's type; a v4-mapped IPv6 address becomes IPv4.</summary>
    public static IpAddr FromIPAddress(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var written);
        return FromNetworkBytes(bytes[..written]);
    }

    /// <summary>The address <paramref name="offset"/> places further; wraps within the 128-bit space.</summary>
    public IpAddr Add(UInt128 offset) => FromValue(Value + offset);

    /// <inheritdoc/>
    public int CompareTo(IpAddr other) => Hi != other.Hi ? Hi.CompareTo(other.Hi) : Lo.CompareTo(other.Lo);

    /// <summary>Parses the text form without scope id, port or brackets; IPv4 needs four decimal parts.</summary>
    /// <exception cref="FormatException">The text is no address.</exception>
    public static IpAddr Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out var address) ? address : throw new FormatException($"'{text}' is not an IP address");

    /// <inheritdoc cref="Parse(ReadOnlySpan{char})"/>
    public static IpAddr Parse(string text) => Parse(text.AsSpan());

    /// <summary>Parses the text form; false for anything that is no address.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out IpAddr address)
    {
        address = default;
        if (!text.Contains(':'))
        {
            return TryParseDottedQuad(text, out address);
        }

        // IPAddress also takes scope ids, brackets and ports, which no field of ours may carry.
        if (text.Length > 45 || text.Contains('%') || text.Contains('[') || text.Contains('/'))
        {
            return false;
        }

        if (!IPAddress.TryParse(text, out var parsed))
        {
            return false;
        }

        address = FromIPAddress(parsed);
        return true;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, out IpAddr)"/>
    public static bool TryParse(string? text, out IpAddr address) => TryParse(text.AsSpan(), out address);

    /// <summary>The family's text form: dotted quad, or RFC 5952.</summary>
    public override string ToString() => ToIPAddress().ToString();


    // Four decimal numbers without leading zeros, which elsewhere mean octal ones (RFC 6943 section 3.1.1).
    private static bool TryParseDottedQuad(ReadOnlySpan<char> text, out IpAddr address)
    {
        const int parts = 4, longestPart = 3;
        address = default;
        uint bits = 0;
        for (var part = 0; part < parts; part++)
        {
            var digits = 0;
            uint octet = 0;
            while (digits < text.Length && digits <= longestPart && char.IsAsciiDigit(text[digits]))
            {
                octet = (octet * 10) + (uint)(text[digits++] - '0');
            }

            if (digits is 0 or > longestPart || octet > 255 || (digits > 1 && text[0] == '0'))
            {
                return false;
            }

            bits = (bits << 8) | octet;
            text = text[digits..];
            if (part < parts - 1)
            {
                if (text.IsEmpty || text[0] != '.')
                {
                    return false;
                }

                text = text[1..];
            }
        }

        if (!text.IsEmpty)
        {
            return false;
        }

        address = FromIPv4(bits);
        return true;
    }

    /// <summary>Numeric order.</summary>
    public static bool operator <(IpAddr left, IpAddr right) => left.CompareTo(right) < 0;

    /// <summary>Numeric order.</summary>
    public static bool operator >(IpAddr left, IpAddr right) => left.CompareTo(right) > 0;

    /// <summary>Numeric order.</summary>
    public static bool operator <=(IpAddr left, IpAddr right) => left.CompareTo(right) <= 0;

    /// <summary>Numeric order.</summary>
    public static bool operator >=(IpAddr left, IpAddr right) => left.CompareTo(right) >= 0;
}
