namespace Cilium.Core;

/// <summary>A CIDR prefix of either family, always with its host bits zero.</summary>
/// <remarks>
/// Source: RFC 4632. Ordered by address, then by length, so that a covering prefix sorts before what it covers. The default value is <c>::/0</c>, all of
/// IPv6, and no sign for "none": use a null, or say beside it whether there is one.
/// </remarks>
public readonly record struct Prefix : IComparable<Prefix>
{
    /// <summary>Makes a prefix, clearing the host bits of <paramref name="address"/>.</summary>
    /// <param name="address">Any address within the prefix.</param>
    /// <param name="length">Prefix length in the bits of the address's own family: 0 to 32, or 0 to 128.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length does not fit the family.</exception>
    public Prefix(IpAddr address, int length)
    {
        if (length < 0 || length > address.BitLength)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length, $"a prefix of this family has 0 to {address.BitLength} bits");
        }

        Length = (byte)length;
        var hostBits = address.BitLength - length;
        Address = hostBits switch
        {
            0 => address,
            128 => default,
            _ => IpAddr.FromValue(address.Value >> hostBits << hostBits),
        };
    }

    /// <summary>The first address.</summary>
    public IpAddr Address { get; }

    /// <summary>The length in the bits of the family: 0 to 32, or 0 to 128.</summary>
    public byte Length { get; }

    /// <summary>The length in the 128-bit space: 96 more than <see cref="Length"/> for IPv4. What longest-prefix maps use.</summary>
    public int Length128 => IsIPv4 ? Length + 96 : Length;

    /// <summary>True for an IPv4 prefix.</summary>
    public bool IsIPv4 => Address.IsIPv4;

    /// <summary>True when the prefix holds exactly one address.</summary>
    public bool IsSingleAddress => Length == Address.BitLength;

    /// <summary>The last address.</summary>
    public IpAddr LastAddress => Length == 0 && !IsIPv4
        ? IpAddr.FromValue(UInt128.MaxValue)
        : IpAddr.FromValue(Address.Value + (UInt128.One << (Address.BitLength - Length)) - 1);

    /// <summary>The prefix of one address.</summary>
    public static Prefix Of(IpAddr address) => new(address, address.BitLength);

    /// <summary>True when <paramref name="address"/> is of the same family and within this prefix.</summary>
    public bool Contains(IpAddr address) =>
        address.IsIPv4 == IsIPv4 && address >= Address && address <= LastAddress;

    /// <summary>True when every address of <paramref name="other"/> is within this prefix.</summary>
    public bool Contains(Prefix other) => other.IsIPv4 == IsIPv4 && other.Length >= Length && Contains(other.Address);

    /// <summary>True when the two share an address.</summary>
    public bool Overlaps(Prefix other) => Contains(other) || other.Contains(this);

    /// <inheritdoc/>
    public int CompareTo(Prefix other)
    {
        var byAddress = Address.CompareTo(other.Address);
        return byAddress != 0 ? byAddress : Length.CompareTo(other.Length);
    }

    /// <summary>Parses <c>address/length</c>; host bits may be set and are cleared. A bare address is refused: see <see cref="TryParseAddressOrPrefix"/>.</summary>
    /// <exception cref="FormatException">The text is no prefix.</exception>
    public static Prefix Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out var prefix) ? prefix : throw new FormatException($"'{text}' is not a CIDR prefix");

    /// <inheritdoc cref="Parse(ReadOnlySpan{char})"/>
    public static Prefix Parse(string text) => Parse(text.AsSpan());

    /// <summary>Parses <c>address/length</c>; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Prefix prefix)
    {
        prefix = default;
        var slash = text.IndexOf('/');
        if (slash < 0 || !IpAddr.TryParse(text[..slash], out var address))
        {
            return false;
        }

        var digits = text[(slash + 1)..];
        if (digits.Length is 0 or > 3 || digits.ContainsAnyExceptInRange('0', '9') || (digits.Length > 1 && digits[0] == '0'))
        {
            return false;
        }

        var length = int.Parse(digits, System.Globalization.CultureInfo.InvariantCulture);
        if (length > address.BitLength)
        {
            return false;
        }

        prefix = new Prefix(address, length);
        return true;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, out Prefix)"/>
    public static bool TryParse(string? text, out Prefix prefix) => TryParse(text.AsSpan(), out prefix);

    /// <summary>Parses a prefix, or a bare address as the prefix of that one address.</summary>
    public static bool TryParseAddressOrPrefix(ReadOnlySpan<char> text, out Prefix prefix)
    {
        if (IpAddr.TryParse(text, out var address))
        {
            prefix = Of(address);
            return true;
        }

        return TryParse(text, out prefix);
    }

    /// <summary><c>address/length</c>.</summary>
    public override string ToString() => $"{Address}/{Length}";

    /// <summary>Order by address, then length.</summary>
    public static bool operator <(Prefix left, Prefix right) => left.CompareTo(right) < 0;

    /// <summary>Order by address, then length.</summary>
    public static bool operator >(Prefix left, Prefix right) => left.CompareTo(right) > 0;

    /// <summary>Order by address, then length.</summary>
    public static bool operator <=(Prefix left, Prefix right) => left.CompareTo(right) <= 0;

    /// <summary>Order by address, then length.</summary>
    public static bool operator >=(Prefix left, Prefix right) => left.CompareTo(right) >= 0;
}
