namespace Cilium.Bpf.InProcess.Elf;

/// <summary>What the name of a section says about the programs in it, as libbpf reads it.</summary>
internal static class SectionNames
{
    private static readonly (string Name, ProgramType Type, AttachType Attach)[] s_names =
    [
        ("socket", ProgramType.SocketFilter, 0),
        ("tcx/ingress", ProgramType.SchedCls, AttachType.TcxIngress),
        ("tcx/egress", ProgramType.SchedCls, AttachType.TcxEgress),
        ("tc", ProgramType.SchedCls, 0),
        ("classifier", ProgramType.SchedCls, 0),
        ("xdp.frags", ProgramType.Xdp, AttachType.Xdp),
        ("xdp", ProgramType.Xdp, AttachType.Xdp),
        ("cgroup/bind4", ProgramType.CgroupSockAddr, AttachType.CgroupInet4Bind),
        ("cgroup/bind6", ProgramType.CgroupSockAddr, AttachType.CgroupInet6Bind),
        ("cgroup/connect4", ProgramType.CgroupSockAddr, AttachType.CgroupInet4Connect),
        ("cgroup/connect6", ProgramType.CgroupSockAddr, AttachType.CgroupInet6Connect),
        ("cgroup/sendmsg4", ProgramType.CgroupSockAddr, AttachType.CgroupUdp4SendMsg),
        ("cgroup/sendmsg6", ProgramType.CgroupSockAddr, AttachType.CgroupUdp6SendMsg),
        ("cgroup/recvmsg4", ProgramType.CgroupSockAddr, AttachType.CgroupUdp4RecvMsg),
        ("cgroup/recvmsg6", ProgramType.CgroupSockAddr, AttachType.CgroupUdp6RecvMsg),
        ("cgroup/getpeername4", ProgramType.CgroupSockAddr, AttachType.CgroupInet4GetPeerName),
        ("cgroup/getpeername6", ProgramType.CgroupSockAddr, AttachType.CgroupInet6GetPeerName),
        ("cgroup/getsockname4", ProgramType.CgroupSockAddr, AttachType.CgroupInet4GetSockName),
        ("cgroup/getsockname6", ProgramType.CgroupSockAddr, AttachType.CgroupInet6GetSockName),
    ];

    /// <summary>Type and hook of the programs in a section, or nothing when the engine has no such hook.</summary>
    internal static bool TryGet(string section, out ProgramType type, out AttachType attach)
    {
        foreach (var known in s_names)
        {
            if (section != known.Name && !section.StartsWith(known.Name + "/", StringComparison.Ordinal))
                continue;
            (type, attach) = (known.Type, known.Attach);
            return true;
        }
        (type, attach) = (default, default);
        return false;
    }
}
