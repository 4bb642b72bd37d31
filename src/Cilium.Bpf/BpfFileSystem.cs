using System.Runtime.InteropServices;
using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>The file system that holds pins.</summary>
public static class BpfFileSystem
{
    private const uint Magic = 0xcafe4a11;

    /// <summary>Whether the folder lies on a bpffs.</summary>
    public static bool IsMounted(string path) => Libc.FileSystemOf(path) == Magic;

    /// <summary>Creates the folder and mounts a bpffs on it, unless it is on one already.</summary>
    /// <exception cref="KernelException">The mount was refused.</exception>
    public static void EnsureMounted(string path)
    {
        Directory.CreateDirectory(path);
        if (!IsMounted(path) && Libc.mount("bpffs", path, "bpf", 0, null) != 0)
            throw new KernelException("mount(bpf)", Marshal.GetLastPInvokeError(), path);
    }

    /// <summary>Unmounts a bpffs; every pin in it ends when nobody uses the mount any more. Absent is success.</summary>
    public static void Unmount(string path)
    {
        const int detach = 2;
        if (IsMounted(path) && Libc.umount2(path, detach) != 0 && Marshal.GetLastPInvokeError() is var errno and not Errno.Invalid)
            throw new KernelException("umount2", errno, path);
    }
}
