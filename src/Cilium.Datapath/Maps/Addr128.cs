using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>An address as maps hold it: 16 bytes in network order, IPv4 as <c>::ffff:a.b.c.d</c>.</summary>
/// <param name="First">The first eight bytes as they lie in memory, not a number.</param>
/// <param name="Last">The last eight bytes as they lie in memory, not a number.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("addr128")]
public readonly record struct Addr128(ulong First, ulong Last)
{
    /// <summary>How many bits stand before an IPv4 address: an IPv4 prefix of length n is 96+n bits.</summary>
    public const int MappedBits = 96;

    private static readonly uint MappedPrefix = BitConverter.IsLittleEndian ? 0xFFFF0000u : 0x0000FFFFu;

    /// <summary>Whether all bytes are zero, which means "none".</summary>
    public bool IsNone => (First | Last) == 0;

    /// <summary>Whether this is an IPv4 address.</summary>
    public bool IsIPv4
    {
        get
        {
            Span<byte> bytes = stackalloc byte[16];
            Write(bytes);
            return First == 0 && BitConverter.ToUInt32(bytes[8..]) == MappedPrefix;
        }
    }

    /// <summary>The address of an IPv4 or IPv6 <paramref name="address"/>; its scope id is left out.</summary>
    public static Addr128 From(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[16];
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            bytes[10] = bytes[11] = 0xFF;
            _ = address.TryWriteBytes(bytes[12..], out _);
        }
        else
            _ = address.TryWriteBytes(bytes, out _);
        return FromBytes(bytes);
    }

    /// <summary>The address held in the first 16 bytes of <paramref name="bytes"/>, in network order.</summary>
    public static Addr128 FromBytes(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<Addr128>(bytes);

    /// <summary>Writes 16 bytes in network order.</summary>
    public void Write(Span<byte> destination) => MemoryMarshal.Write(destination, in this);

    /// <summary>The address, IPv4 where it is mapped.</summary>
    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        Write(bytes);
        return IsIPv4 ? new IPAddress(bytes[12..]) : new IPAddress(bytes);
    }

    /// <summary>Prints the address as people write it.</summary>
    public override string ToString() => ToIPAddress().ToString();
}

/// <summary>A port in network order, as on the wire.</summary>
/// <param name="Raw">The two bytes as they lie in memory.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct NetPort(ushort Raw)
{
    /// <summary>The port's number.</summary>
    public ushort Number => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(Raw) : Raw;

    /// <summary>The port of a number.</summary>
    public static NetPort From(ushort number) => new(BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(number) : number);

    /// <summary>Prints the number.</summary>
    public override string ToString() => Number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>An Ethernet address.</summary>
/// <param name="First">Bytes 0 and 1 as they lie in memory.</param>
/// <param name="Second">Bytes 2 and 3 as they lie in memory.</param>
/// <param name="Third">Bytes 4 and 5 as they lie in memory.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("mac_addr")]
public readonly record struct MacAddr(ushort First, ushort Second, ushort Third)
{
    /// <summary>The address held in the first 6 bytes of <paramref name="bytes"/>.</summary>
    public static MacAddr FromBytes(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<MacAddr>(bytes);

    /// <summary>Writes 6 bytes.</summary>
    public void Write(Span<byte> destination) => MemoryMarshal.Write(destination, in this);

    /// <summary>Prints six hexadecimal bytes separated by colons.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[6];
        Write(bytes);
        return $"{bytes[0]:x2}:{bytes[1]:x2}:{bytes[2]:x2}:{bytes[3]:x2}:{bytes[4]:x2}:{bytes[5]:x2}";
    }
}
