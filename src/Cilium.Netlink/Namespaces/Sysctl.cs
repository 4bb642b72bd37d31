using System.Runtime.InteropServices;
using System.Text;
using Cilium.Netlink.Native;

namespace Cilium.Netlink;

/// <summary>Kernel settings under /proc/sys. Those of <c>net/</c> are of the calling thread's network namespace.</summary>
public static class Sysctl
{
    private const int NoSuchFile = 2;
    private const int Interrupted = 4;
    private const int NotADirectory = 20;

    /// <summary>Longer than nearly every setting.</summary>
    private const int FirstBytes = 512;

    /// <summary>Reads a setting.</summary>
    /// <param name="path">Below /proc/sys with slashes, since device names may have dots: "net/ipv4/conf/eth0.1/rp_filter".</param>
    /// <exception cref="ArgumentException">The path is none below /proc/sys.</exception>
    /// <exception cref="NetlinkException">The kernel has no such setting (<see cref="NetlinkException.IsNotFound"/>), or refused.</exception>
    public static string Read(string path)
    {
        using var file = FileHandle.Own(Open(path, Libc.ReadOnly), "open", PathOf(path));
        return Read(file, path);
    }

    /// <summary>Writes a setting, unless it has the value already. Returns false when the kernel has no such setting.</summary>
    /// <exception cref="ArgumentException">The path is none below /proc/sys.</exception>
    /// <exception cref="NetlinkException">The kernel refused: the value is no valid one, or the setting may not be changed from here.</exception>
    public static bool Write(string path, string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        var descriptor = Open(path, Libc.ReadOnly);
        if (descriptor < 0 && Marshal.GetLastPInvokeError() is NoSuchFile or NotADirectory)
            return false;
        using (var present = FileHandle.Own(descriptor, "open", PathOf(path)))
        {
            if (Read(present, path) == value)
                return true;
        }

        var target = Open(path, Libc.WriteOnly);
        using var file = target >= 0 ? new FileHandle(target) : throw RefusedWrite(Marshal.GetLastPInvokeError(), path, value);
        Write(file, path, Encoding.UTF8.GetBytes(value));
        return true;
    }

    private static unsafe string Read(FileHandle file, string path)
    {
        var text = new byte[FirstBytes];
        var length = 0;
        while (true)
        {
            nint received;
            fixed (byte* bytes = text)
                received = Libc.read(file, bytes + length, text.Length - length);
            if (received < 0 && Marshal.GetLastPInvokeError() is var errno and not Interrupted)
                throw new NetlinkException("read", errno, PathOf(path));
            length += (int)Math.Max(received, 0);
            if (received >= 0 && length < text.Length)
                return Encoding.UTF8.GetString(text, 0, length).Trim();
            if (length == text.Length)
                Array.Resize(ref text, text.Length * 2);
        }
    }

    // In one call: the kernel takes each for a whole value.
    private static unsafe void Write(FileHandle file, string path, byte[] value)
    {
        fixed (byte* bytes = value)
        {
            while (Libc.write(file, bytes, value.Length) < 0)
            {
                if (Marshal.GetLastPInvokeError() is var errno and not Interrupted)
                    throw RefusedWrite(errno, path, Encoding.UTF8.GetString(value));
            }
        }
    }

    private static NetlinkException RefusedWrite(int errno, string path, string value) => new($"write '{value}' to", errno, PathOf(path));

    private static int Open(string path, int access)
    {
        var file = PathOf(path);
        int descriptor;
        do
            descriptor = Libc.open(file, access | Libc.CloseOnExec);
        while (descriptor < 0 && Marshal.GetLastPInvokeError() == Interrupted);
        return descriptor;
    }

    private static string PathOf(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (path.Contains('\0', StringComparison.Ordinal) || path.Split('/').Contains(".."))
            throw new ArgumentException($"'{path}' is no path below /proc/sys", nameof(path));
        return "/proc/sys/" + path;
    }
}
