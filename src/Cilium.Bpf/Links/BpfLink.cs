using System.Runtime.InteropServices;
using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>An attachment of a program. It ends when its last descriptor and its pin are gone.</summary>
public sealed class BpfLink : IDisposable
{
    private BpfLink(BpfFd fd, string target)
    {
        Fd = fd;
        Target = target;
    }

    /// <summary>The descriptor.</summary>
    public BpfFd Fd { get; }

    /// <summary>What the program is attached to, for messages.</summary>
    public string Target { get; }

    /// <summary>Attaches to a device of the current network namespace, after programs that are there (TCX).</summary>
    /// <param name="program">A classifier.</param>
    /// <param name="ifindex">The device.</param>
    /// <param name="direction">Ingress or egress, as the device sees it.</param>
    /// <exception cref="FeatureNotSupportedException">The kernel is older than 6.6; use <see cref="TcFilter"/>.</exception>
    /// <exception cref="KernelException">The kernel refused; EEXIST when the same program is attached there.</exception>
    public static unsafe BpfLink AttachTcx(BpfProgram program, int ifindex, TcDirection direction)
    {
        var type = direction == TcDirection.Ingress ? AttachType.TcxIngress : AttachType.TcxEgress;
        var result = LibBpf.bpf_link_create(program.Fd, ifindex, (uint)type, null);
        if (result == -Errno.Invalid && !KernelFeatures.HasTcx)
            throw new FeatureNotSupportedException("TCX links", "6.6");
        var target = $"{program.Name} at ifindex {ifindex} {direction}";
        return new BpfLink(BpfFd.Own(result, "bpf_link_create", target), target);
    }

    /// <summary>Attaches to a cgroup v2 folder, beside programs that are there.</summary>
    /// <param name="program">A cgroup program.</param>
    /// <param name="cgroupPath">The folder.</param>
    /// <param name="type">The hook.</param>
    /// <exception cref="KernelException">The kernel refused, or the folder does not exist.</exception>
    public static unsafe BpfLink AttachCgroup(BpfProgram program, string cgroupPath, AttachType type)
    {
        var folder = Libc.open(cgroupPath, Libc.OpenDirectoryReadOnly);
        if (folder < 0)
            throw new KernelException("open", Marshal.GetLastPInvokeError(), cgroupPath);
        using var cgroup = new BpfFd(folder);
        var target = $"{program.Name} at {cgroupPath} {type}";
        var result = LibBpf.bpf_link_create(program.Fd, folder, (uint)type, null);
        return new BpfLink(BpfFd.Own(result, "bpf_link_create", target), target);
    }

    /// <summary>Opens a pinned link, or returns null when nothing is pinned there.</summary>
    public static BpfLink? OpenPinnedOrNull(string path) =>
        BpfPins.OpenOrNull(path) is { } fd ? new BpfLink(fd, path) : null;

    /// <summary>Pins the link, so that it outlives the process.</summary>
    public void Pin(string path) => BpfPins.Pin(Fd, path);

    /// <summary>
    /// Replaces the program in one step; no packet sees none. Returns false when the device or cgroup is gone (ENOLINK): then the
    /// link and its pin are worth nothing.
    /// </summary>
    public unsafe bool TryUpdate(BpfProgram program)
    {
        var result = LibBpf.bpf_link_update(Fd, program.Fd, null);
        return result >= 0 || (result == -Errno.NoLink ? false : throw new KernelException("bpf_link_update", -result, Target));
    }

    /// <summary>Detaches now, although a pin remains. Absent is success.</summary>
    public void Detach()
    {
        var result = LibBpf.bpf_link_detach(Fd);
        if (result is < 0 and not -Errno.NoLink)
            throw new KernelException("bpf_link_detach", -result, Target);
    }

    /// <summary>What the kernel tells about the link.</summary>
    public LinkDescription Describe() => LinkDescription.Read(Fd, Target);

    /// <inheritdoc/>
    public override string ToString() => Target;

    /// <summary>Closes the descriptor; an unpinned link ends.</summary>
    public void Dispose() => Fd.Dispose();
}

/// <summary>The direction of a hook on a device.</summary>
public enum TcDirection
{
    /// <summary>What the device receives.</summary>
    Ingress,
    /// <summary>What the device sends.</summary>
    Egress,
}
