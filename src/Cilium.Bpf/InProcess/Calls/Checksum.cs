using System.Runtime.CompilerServices;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>The Internet checksum as the kernel computes it (RFC 1071), bit for bit: one's complement sums have two zeros.</summary>
internal static unsafe class Checksum
{
    internal static uint Add(uint a, uint b)
    {
        var sum = a + b;
        return sum < b ? sum + 1 : sum;
    }

    internal static uint Subtract(uint a, uint b) => Add(a, ~b);

    internal static ushort Fold(uint sum)
    {
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~sum;
    }

    /// <summary>The sum of whole 32-bit words, from a sum so far.</summary>
    internal static uint Partial(byte* bytes, int length, uint sum)
    {
        ulong total = sum;
        for (; length >= 8; length -= 8, bytes += 8)
            total = AddCarry(total, Unsafe.ReadUnaligned<ulong>(bytes));
        if (length >= 4)
            total = AddCarry(total, Unsafe.ReadUnaligned<uint>(bytes));
        return Add((uint)(total >> 32), (uint)total);
    }

    /// <summary>Folds to 16 bits without complement.</summary>
    internal static uint To16(uint sum)
    {
        sum = (sum & 0xFFFF) + (sum >> 16);
        return (sum & 0xFFFF) + (sum >> 16);
    }

    internal static void ReplaceByDifference(byte* place, uint difference) =>
        Write(place, Fold(Add(difference, ~(uint)Read(place))));

    internal static void Replace4(byte* place, uint from, uint to) =>
        Write(place, Fold(Add(Subtract(~(uint)Read(place), from), to)));

    internal static void Replace2(byte* place, ushort from, ushort to) =>
        Write(place, (ushort)~Add16(Add16((ushort)~Read(place), (ushort)~from), to));

    internal static ushort Read(byte* place) => Unsafe.ReadUnaligned<ushort>(place);

    internal static void Write(byte* place, ushort value) => Unsafe.WriteUnaligned(place, value);

    private static ushort Add16(ushort a, ushort b)
    {
        var sum = (ushort)(a + b);
        return (ushort)(sum + (sum < b ? 1 : 0));
    }

    private static ulong AddCarry(ulong a, ulong b)
    {
        var sum = a + b;
        return sum < b ? sum + 1 : sum;
    }
}
