namespace Cilium.Bpf;

/// <summary>Kinds of programs, by the kernel's numbers (<c>enum bpf_prog_type</c>).</summary>
public enum ProgramType
{
    /// <summary>Unknown.</summary>
    Unspecified = 0,
    /// <summary>On a socket, filtering.</summary>
    SocketFilter = 1,
    /// <summary>Traffic control classifier (tc, TCX).</summary>
    SchedCls = 3,
    /// <summary>On a device's receive path.</summary>
    Xdp = 6,
    /// <summary>On a cgroup, per packet.</summary>
    CgroupSkb = 8,
    /// <summary>On a cgroup, per socket.</summary>
    CgroupSock = 9,
    /// <summary>On a cgroup, per socket address.</summary>
    CgroupSockAddr = 18,
    /// <summary>Run by a system call.</summary>
    Syscall = 31,
}

/// <summary>Where a program attaches, by the kernel's numbers (<c>enum bpf_attach_type</c>).</summary>
public enum AttachType
{
    /// <summary>Packets into sockets of a cgroup; also what programs without an attach type report.</summary>
    CgroupInetIngress = 0,
    /// <summary>Packets out of sockets of a cgroup.</summary>
    CgroupInetEgress = 1,
    /// <summary>Socket creation.</summary>
    CgroupInetSockCreate = 2,
    /// <summary>bind, IPv4.</summary>
    CgroupInet4Bind = 8,
    /// <summary>bind, IPv6.</summary>
    CgroupInet6Bind = 9,
    /// <summary>connect, IPv4.</summary>
    CgroupInet4Connect = 10,
    /// <summary>connect, IPv6.</summary>
    CgroupInet6Connect = 11,
    /// <summary>After bind, IPv4.</summary>
    CgroupInet4PostBind = 12,
    /// <summary>After bind, IPv6.</summary>
    CgroupInet6PostBind = 13,
    /// <summary>Unconnected UDP send, IPv4.</summary>
    CgroupUdp4SendMsg = 14,
    /// <summary>Unconnected UDP send, IPv6.</summary>
    CgroupUdp6SendMsg = 15,
    /// <summary>Unconnected UDP receive, IPv4.</summary>
    CgroupUdp4RecvMsg = 19,
    /// <summary>Unconnected UDP receive, IPv6.</summary>
    CgroupUdp6RecvMsg = 20,
    /// <summary>getpeername, IPv4.</summary>
    CgroupInet4GetPeerName = 29,
    /// <summary>getpeername, IPv6.</summary>
    CgroupInet6GetPeerName = 30,
    /// <summary>getsockname, IPv4.</summary>
    CgroupInet4GetSockName = 31,
    /// <summary>getsockname, IPv6.</summary>
    CgroupInet6GetSockName = 32,
    /// <summary>Socket release.</summary>
    CgroupInetSockRelease = 34,
    /// <summary>Device, XDP.</summary>
    Xdp = 37,
    /// <summary>Device, ingress (TCX).</summary>
    TcxIngress = 46,
    /// <summary>Device, egress (TCX).</summary>
    TcxEgress = 47,
}
