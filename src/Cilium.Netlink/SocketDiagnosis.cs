using Cilium.Netlink.Messages;

namespace Cilium.Netlink;

/// <summary>
/// The sockets of one network namespace, by sock_diag(7). It keeps to the namespace it was opened in, whatever thread uses it; one thread at a time.
/// Needs CAP_NET_ADMIN to close sockets of others.
/// </summary>
public sealed class SocketDiagnosis : IDisposable
{
    private const int NoSuchEntry = 2;
    private const int NotSupported = 95;
    private const int Stale = 116;
    private readonly NetlinkSocket _socket;

    private SocketDiagnosis(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens the calling thread's namespace.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static SocketDiagnosis Open() => new(NetlinkSocket.OpenDiagnosis());

    /// <summary>Opens another namespace, without moving the calling thread.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static SocketDiagnosis Open(NetworkNamespace ns) => new(ns.Run(NetlinkSocket.OpenDiagnosis));

    /// <summary>Closes the diagnosis, not what it told of.</summary>
    public void Dispose() => _socket.Dispose();

    /// <summary>UDP sockets of both families that are connected to a peer.</summary>
    /// <exception cref="NetlinkException">The kernel refused, or has no diagnosis of UDP (CONFIG_INET_UDP_DIAG).</exception>
    public List<ConnectedSocket> ConnectedUdp()
    {
        var sockets = Dump(SocketMessages.InterNetwork);
        try
        {
            sockets.AddRange(Dump(SocketMessages.InterNetwork6));
        }
        catch (NetlinkException absent) when (absent.Errno == NoSuchEntry)
        {
            // A kernel without IPv6 has no such sockets.
            return sockets;
        }
        return sockets;
    }

    /// <summary>
    /// Ends a UDP socket: the process that has it gets ECONNABORTED from its next call, and may connect it again. False when it is gone already.
    /// </summary>
    /// <exception cref="NetlinkException">The kernel refused; <see cref="NetlinkException.Errno"/> is EOPNOTSUPP when it cannot (CONFIG_INET_DIAG_DESTROY).</exception>
    public bool DestroyUdp(ConnectedSocket socket)
    {
        var writer = new MessageWriter();
        SocketMessages.WriteDestroy(writer, socket);
        var result = _socket.TryExecute(writer, "SOCK_DESTROY", "udp", out var reason);
        return result switch
        {
            0 => true,
            // Of another socket that has its place the kernel says that the cookie is stale.
            NoSuchEntry or Stale => false,
            NotSupported => throw new NetlinkException("SOCK_DESTROY", result, "udp", reason ?? "the kernel was built without CONFIG_INET_DIAG_DESTROY"),
            _ => throw new NetlinkException("SOCK_DESTROY", result, $"udp {socket.Local} to {socket.Remote}", reason),
        };
    }

    private List<ConnectedSocket> Dump(byte family) => _socket.Dump<ConnectedSocket>(
        writer => SocketMessages.WriteDump(writer, family),
        static (type, payload, sockets) =>
        {
            if (type == SockDiag.ByFamily && SocketMessages.Parse(payload) is { } socket)
                sockets.Add(socket);
        },
        "SOCK_DIAG_BY_FAMILY");
}
