using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Cilium.Bpf.InProcess.Memory;

/// <summary>
/// Tells which pages of zeroed memory were never touched, so that a walk over a sparse array need not read, and thereby fill, them all. Source:
/// Documentation/admin-guide/mm/pagemap.rst (Linux): an entry of 8 bytes per page, with a bit for present and one for swapped out.
/// </summary>
internal static unsafe class TouchedPages
{
    /// <summary>Bytes of a page; where the system's are larger, nothing is told.</summary>
    internal const int PageBytes = 4096;

    private const string PageMap = "/proc/self/pagemap";
    private const ulong Present = 1UL << 63;
    private const ulong Swapped = 1UL << 62;
    private static readonly SafeFileHandle? s_map = Open();

    /// <summary>Sets a flag for each page that may hold something, from an address at a page's begin on. All are set where the system does not tell.</summary>
    internal static void Find(byte* memory, Span<bool> touched)
    {
        touched.Fill(true);
        if (s_map is null)
            return;
        var entries = new ulong[touched.Length];
        var bytes = MemoryMarshal.AsBytes(entries.AsSpan());
        if (RandomAccess.Read(s_map, bytes, (nint)memory / PageBytes * sizeof(ulong)) != bytes.Length)
            return;
        for (var i = 0; i < touched.Length; i++)
            touched[i] = (entries[i] & (Present | Swapped)) != 0;
    }

    private static SafeFileHandle? Open()
    {
        if (!OperatingSystem.IsLinux() || Environment.SystemPageSize != PageBytes)
            return null;
        try
        {
            return File.OpenHandle(PageMap, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // Not mounted, or not for this process: then every page is read.
            return null;
        }
    }
}
