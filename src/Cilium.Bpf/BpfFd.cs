using System.Runtime.InteropServices;
using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>An owned file descriptor of a BPF map, program or link. Closing it drops this process's reference.</summary>
public sealed class BpfFd : SafeHandle
{
    /// <summary>An empty handle, for the marshaller.</summary>
    public BpfFd()
        : base(-1, ownsHandle: true)
    {
    }

    internal BpfFd(int fd)
        : base(-1, ownsHandle: true) => SetHandle(fd);

    /// <inheritdoc/>
    public override bool IsInvalid => handle < 0;

    /// <summary>The number, for messages only: it is valid while the handle is open.</summary>
    public int Number => (int)handle;

    internal static BpfFd Own(int result, string call, string target) =>
        result >= 0 ? new BpfFd(result) : throw new KernelException(call, -result, target);

    /// <summary>A second descriptor of what libbpf owns under <paramref name="fd"/>.</summary>
    internal static BpfFd Duplicate(int fd, string target)
    {
        var copy = Libc.fcntl(fd, Libc.DuplicateCloseOnExec, 0);
        return copy >= 0 ? new BpfFd(copy) : throw new KernelException("fcntl(F_DUPFD_CLOEXEC)", Marshal.GetLastPInvokeError(), target);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}
