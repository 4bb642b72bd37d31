using System.Runtime.InteropServices;

namespace Cilium.Netlink.Native;

/// <summary>An owned file descriptor.</summary>
internal sealed class FileHandle : SafeHandle
{
    public FileHandle()
        : base(-1, ownsHandle: true)
    {
    }

    internal FileHandle(int fd)
        : base(-1, ownsHandle: true) => SetHandle(fd);

    public override bool IsInvalid => handle < 0;

    internal int Number => (int)handle;

    internal static FileHandle Own(int fd, string call, string target) =>
        fd >= 0 ? new FileHandle(fd) : throw new NetlinkException(call, Marshal.GetLastPInvokeError(), target);

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}
