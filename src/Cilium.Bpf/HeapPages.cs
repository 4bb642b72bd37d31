using System.Globalization;
using System.Runtime.CompilerServices;
using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>
/// Backs the heap of the garbage collector with transparent huge pages (Documentation/admin-guide/mm/transhuge.rst): one fault gives two megabytes
/// in place of four kilobytes. By itself it gets none: the collector makes its memory accessible in steps of 64 KiB, too small for a huge page.
/// </summary>
public static class HeapPages
{
    /// <summary>Enough for a process that fills its maps from lists of some ten thousand objects, in bytes: 128 MiB from the beginning of the heap.</summary>
    public const long DefaultBytes = 128 << 20;

    private const long HugePage = 2 << 20;
    private const long SmallestReserve = 256 << 20;
    private const int ReadWrite = 3;
    private const int AdviseHugePage = 14;
    private const int AdviseDump = 17;
    private const int AdviseCollapse = 25;

    /// <summary>
    /// Makes memory that the collector has reserved, and will use next, accessible in one piece and eligible for huge pages. No memory is used before
    /// it is touched, and none is taken from the collector: it finds done what it asks for. Without effect where the kernel offers no huge pages
    /// (<c>/sys/kernel/mm/transparent_hugepage/enabled</c> is <c>never</c>), or where no reserve of at least 256 MiB follows the heap.
    /// </summary>
    /// <param name="bytes">
    /// Bytes from the beginning of the heap, rounded down to huge pages. A heap begins with 32 MiB for pinned, 12 MiB for small and 32 MiB for large
    /// objects, of which little is used; more for small objects follows.
    /// </param>
    /// <returns>The bytes that were made eligible; 0 when nothing was changed.</returns>
    public static long Enlarge(long bytes = DefaultBytes)
    {
        object small = new(), large = GC.AllocateUninitializedArray<byte>(128 << 10), pinned = GC.AllocateUninitializedArray<byte>(8, pinned: true);
        var heap = MappingsFrom(Math.Min(Address(ref small), Math.Min(Address(ref large), Address(ref pinned))));
        if (heap.Count == 0) return 0;

        var start = (heap[0].Start + HugePage - 1) & -HugePage;
        var length = Math.Min(bytes, heap[^1].End - start) & -HugePage;
        if (length <= 0 || Libc.mprotect((nint)start, (nuint)length, ReadWrite) != 0) return 0;

        // The collector excludes from core dumps what it has only reserved, and mappings that differ in that are not joined.
        if (Libc.madvise((nint)start, (nuint)length, AdviseDump) != 0 || Libc.madvise((nint)start, (nuint)length, AdviseHugePage) != 0) return 0;
        foreach (var mapping in heap)
        {
            // In use already: a huge page takes the place of the small ones, or the kernel declines and they stay.
            var page = mapping.Start & -HugePage;
            if (mapping.Writable && page >= start && page + HugePage <= start + length) _ = Libc.madvise((nint)page, (nuint)HugePage, AdviseCollapse);
        }

        return length;
    }

    private static long Address(ref object value) => Unsafe.As<object, nint>(ref value);

    /// <summary>
    /// The mapping of <paramref name="address"/> and those that follow without a gap, up to the reserve. Only that is large enough to be told from a
    /// stranger's mapping that happens to be next: nothing behind it is touched. Empty when there is none.
    /// </summary>
    private static List<Mapping> MappingsFrom(long address)
    {
        var mappings = new List<Mapping>();
        foreach (var line in File.ReadLines("/proc/self/maps"))
        {
            var mapping = Mapping.Parse(line);
            if (mappings.Count == 0 ? address < mapping.Start || address >= mapping.End : mapping.Start != mappings[^1].End) continue;
            if (!mapping.Anonymous) break;
            mappings.Add(mapping);
            if (!mapping.Writable && mapping.End - mapping.Start >= SmallestReserve) return mappings;
        }

        return [];
    }

    /// <summary>A line of <c>/proc/self/maps</c>: addresses, rights, offset, device, inode and path.</summary>
    private readonly record struct Mapping(long Start, long End, bool Writable, bool Anonymous)
    {
        public static Mapping Parse(ReadOnlySpan<char> line)
        {
            var dash = line.IndexOf('-');
            var space = line.IndexOf(' ');
            return new Mapping(
                long.Parse(line[..dash], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                long.Parse(line[(dash + 1)..space], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                line[space + 2] == 'w',
                line.TrimEnd().EndsWith(" 0", StringComparison.Ordinal));
        }
    }
}
