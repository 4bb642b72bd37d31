using Cilium.Netlink;

namespace Cilium.Datapath.LoadBalancing;

/// <summary>The UDP sockets of one network namespace.</summary>
internal interface IUdpSockets : IDisposable
{
    /// <summary>Those that are connected to a peer.</summary>
    /// <exception cref="NetlinkException">The kernel refused; ENOENT when it has no diagnosis of UDP.</exception>
    List<ConnectedSocket> Connected();

    /// <summary>Ends a socket; false when it is gone already.</summary>
    /// <exception cref="NetlinkException">The kernel refused; EOPNOTSUPP when it cannot.</exception>
    bool Destroy(ConnectedSocket socket);
}
