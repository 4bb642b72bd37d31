using System.Runtime.InteropServices;

namespace Cilium.Bpf.InProcess.Memory;

/// <summary>
/// A piece of memory that programs may address. An address is the number of a region in the upper 32 bits and a position in it in the
/// lower. Regions of values consist of records of equal stride, of which the first <see cref="Limit"/> bytes may be touched.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Region
{
    /// <summary>Where position <see cref="Start"/> lies.</summary>
    internal byte* Base;

    /// <summary>The lowest position.</summary>
    internal uint Start;

    /// <summary>Bytes that can be read, from <see cref="Start"/>; zero for a region that is not there.</summary>
    internal uint Length;

    /// <summary>Bytes that can be written, from <see cref="Start"/>.</summary>
    internal uint WriteLength;

    /// <summary>Stride of a record (a power of two) less one; zero when the region is one piece.</summary>
    internal uint Mask;

    /// <summary>Bytes of a record that can be touched; no access is longer than the limit of a region of one piece.</summary>
    internal uint Limit;

    /// <summary>Makes the size 32 bytes, so that a shift finds a region.</summary>
    internal uint Unused;

    internal const int Bytes = 32;

    /// <summary>A region of one piece.</summary>
    internal static Region Piece(byte* memory, uint start, uint length, bool writable) => new()
    {
        Base = memory,
        Start = start,
        Length = length,
        WriteLength = writable ? length : 0,
        Limit = uint.MaxValue,
    };
}
