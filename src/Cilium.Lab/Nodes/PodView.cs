using System.Runtime.InteropServices;

namespace Cilium.Lab.Nodes;

/// <summary>
/// What a pod's processes see otherwise than the machine: files of their own, and a host name. A child has the namespaces of the thread that
/// made it, so nothing but that thread has to enter them: starting <c>unshare</c>, <c>mount</c> and their shells took longer than a CNI plugin.
/// </summary>
internal static partial class PodView
{
    private const int NewMounts = 0x20000;
    private const int NewHostName = 0x4000000;
    private const ulong Bind = 0x1000;
    private const ulong Recursive = 0x4000;
    private const ulong Private = 0x40000;

    /// <summary>Enters mount and UTS namespaces of the calling thread's own (unshare(2)); there is no way back.</summary>
    /// <param name="hostName">The host name there.</param>
    /// <param name="files">What is seen in the place of a file; files that the machine does not have are left out.</param>
    /// <exception cref="IOException">The kernel refused.</exception>
    public static void Enter(string hostName, IEnumerable<(string Source, string Target)> files)
    {
        Check(unshare(NewMounts | NewHostName), "unshare");
        Check(mount("none", "/", null, Recursive | Private, null), "mount --make-rprivate /");
        foreach (var (source, target) in files)
        {
            if (File.Exists(target)) Check(mount(source, target, null, Bind, null), $"mount --bind {source} {target}");
        }

        Check(sethostname(hostName, (nuint)System.Text.Encoding.UTF8.GetByteCount(hostName)), $"sethostname {hostName}");
    }

    private static void Check(int result, string call)
    {
        if (result != 0) throw new IOException($"{call}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mount(string source, string target, string? type, ulong flags, string? data);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int sethostname(string name, nuint length);
}
