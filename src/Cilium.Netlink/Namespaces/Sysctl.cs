using System.Text;

namespace Cilium.Netlink;

/// <summary>Kernel settings under /proc/sys. Those of <c>net/</c> are of the calling thread's network namespace.</summary>
public static class Sysctl
{
    private const int LongestValue = 1024;

    /// <summary>Reads a setting.</summary>
    /// <param name="path">Below /proc/sys with slashes, since device names may have dots: "net/ipv4/conf/eth0.1/rp_filter".</param>
    public static string Read(string path)
    {
        // By hand, and without a lock: a reader's buffers are larger than any setting.
        using var file = File.OpenHandle(PathOf(path), share: FileShare.ReadWrite);
        Span<byte> text = stackalloc byte[LongestValue];
        var length = RandomAccess.Read(file, text, fileOffset: 0);
        return length < LongestValue ? Encoding.UTF8.GetString(text[..length]).Trim() : File.ReadAllText(PathOf(path)).Trim();
    }

    /// <summary>Writes a setting, unless it has the value already. Returns false when the kernel has no such setting.</summary>
    public static bool Write(string path, string value)
    {
        var file = PathOf(path);
        if (!File.Exists(file))
            return false;
        if (Read(path) != value)
            File.WriteAllText(file, value);
        return true;
    }

    private static string PathOf(string path) => "/proc/sys/" + path;
}
