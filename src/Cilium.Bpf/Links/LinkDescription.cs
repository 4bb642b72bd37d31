using System.Buffers.Binary;
using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>Kinds of links, by the kernel's numbers (<c>enum bpf_link_type</c>).</summary>
public enum LinkType
{
    /// <summary>Unknown.</summary>
    Unspecified = 0,
    /// <summary>On a cgroup.</summary>
    Cgroup = 3,
    /// <summary>On a network namespace.</summary>
    NetworkNamespace = 5,
    /// <summary>On a device's receive path.</summary>
    Xdp = 6,
    /// <summary>On a device's traffic control hook.</summary>
    Tcx = 11,
}

/// <summary>What the kernel tells about a link.</summary>
/// <param name="Id">The kernel's id.</param>
/// <param name="Type">The kind of link.</param>
/// <param name="ProgramId">The kernel's id of the program.</param>
/// <param name="Ifindex">The device, for TCX and XDP; zero when it is gone.</param>
/// <param name="AttachType">The hook, for TCX and cgroups.</param>
/// <param name="CgroupId">The cgroup's id, for cgroups.</param>
public sealed record LinkDescription(uint Id, LinkType Type, uint ProgramId, int Ifindex, AttachType AttachType, ulong CgroupId)
{
    private const int Bytes = 64;

    /// <summary>Describes the link with a kernel id, or returns null when there is none.</summary>
    public static LinkDescription? ReadOrNull(uint id)
    {
        var result = LibBpf.bpf_link_get_fd_by_id(id);
        // A link whose creator has not finished answers EAGAIN: it does not exist yet.
        if (result is -Errno.NoEntry or -Errno.Again)
            return null;
        using var fd = BpfFd.Own(result, "bpf_link_get_fd_by_id", $"link {id}");
        return Read(fd, $"link {id}");
    }

    /// <summary>Ids of all links, in ascending order.</summary>
    public static unsafe IEnumerable<uint> Ids() => KernelIds.Walk(&LibBpf.bpf_link_get_next_id, "bpf_link_get_next_id");

    internal static unsafe LinkDescription Read(BpfFd fd, string target)
    {
        Span<byte> info = stackalloc byte[Bytes];
        info.Clear();
        var length = (uint)Bytes;
        int result;
        fixed (byte* p = info)
            result = LibBpf.bpf_obj_get_info_by_fd(fd, p, &length);
        if (result < 0)
            throw new KernelException("bpf_obj_get_info_by_fd", -result, target);
        var type = (LinkType)U32(info, 0);
        var (ifindex, attach, cgroup) = type switch
        {
            LinkType.Tcx => ((int)U32(info, 16), (AttachType)U32(info, 20), 0ul),
            LinkType.Xdp => ((int)U32(info, 16), AttachType.Xdp, 0ul),
            LinkType.Cgroup => (0, (AttachType)U32(info, 24), BinaryPrimitives.ReadUInt64LittleEndian(info[16..])),
            _ => (0, default, 0ul),
        };
        return new LinkDescription(U32(info, 4), type, U32(info, 8), ifindex, attach, cgroup);
    }

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
