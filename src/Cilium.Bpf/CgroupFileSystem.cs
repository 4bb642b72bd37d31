using System.Runtime.InteropServices;
using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>The cgroup v2 file system, whose folders socket programs attach to.</summary>
public static class CgroupFileSystem
{
    private const uint Magic = 0x63677270;

    /// <summary>Whether the folder is a cgroup v2.</summary>
    public static bool IsMounted(string path) => Libc.FileSystemOf(path) == Magic;

    /// <summary>Creates the folder and mounts the machine's cgroup v2 hierarchy on it, unless it is one already.</summary>
    /// <exception cref="KernelException">The mount was refused.</exception>
    public static void EnsureMounted(string path)
    {
        Directory.CreateDirectory(path);
        if (!IsMounted(path) && Libc.mount("none", path, "cgroup2", 0, null) != 0)
            throw new KernelException("mount(cgroup2)", Marshal.GetLastPInvokeError(), path);
    }
}
