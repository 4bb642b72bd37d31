using System.Runtime.InteropServices;
using System.Text;
using Cilium.Netlink.Native;

namespace Cilium.Netlink;

/// <summary>
/// Files and a host name that processes see otherwise than the machine. A child has the namespaces of the thread that made it: what starts one
/// enters them on a thread that ends afterwards (<see cref="NetworkNamespace.Run{T}(Func{T})"/>), and no command has to be run for it.
/// </summary>
public static class MountNamespace
{
    private const int NewMounts = 0x20000;
    private const int NewHostName = 0x4000000;
    private const nuint Bind = 0x1000;
    private const nuint Recursive = 0x4000;
    private const nuint Private = 0x40000;

    /// <summary>Gives the calling thread mount and UTS namespaces of its own (unshare(2)); it cannot leave them again.</summary>
    /// <param name="hostName">The host name there, at most 64 bytes.</param>
    /// <param name="files">What is seen in the place of a file (bind mounts); files that the machine does not have are left out.</param>
    /// <exception cref="NetlinkException">The kernel refused; earlier steps have happened.</exception>
    public static void EnterNew(string hostName, IEnumerable<(string Source, string Target)> files)
    {
        ArgumentNullException.ThrowIfNull(hostName);
        ArgumentNullException.ThrowIfNull(files);
        Check(Libc.unshare(NewMounts | NewHostName), "unshare(CLONE_NEWNS, CLONE_NEWUTS)", hostName);
        Check(Libc.mount("none", "/", "none", Recursive | Private, null), "mount --make-rprivate", "/");
        foreach (var (source, target) in files)
        {
            if (File.Exists(target))
                Check(Libc.mount(source, target, "none", Bind, null), $"mount --bind {source}", target);
        }
        Check(Libc.sethostname(hostName, (nuint)Encoding.UTF8.GetByteCount(hostName)), "sethostname", hostName);
    }

    private static void Check(int result, string call, string target)
    {
        if (result != 0)
            throw new NetlinkException(call, Marshal.GetLastPInvokeError(), target);
    }
}
