using System.Net;
using System.Net.Sockets;
using Cilium.Netlink;

namespace Cilium.DatapathTests;

/// <summary>Real sockets in a namespace of their own, which has the addresses of the node and of its peers.</summary>
internal sealed class KernelNodeSockets : INodeSockets
{
    private static int s_count;

    private readonly string _name = $"cn-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}";
    private readonly Node _node;
    private readonly NetworkNamespace _namespace;
    private readonly List<Socket> _sockets = [];

    internal KernelNodeSockets(Node node)
    {
        _node = node;
        _namespace = NetworkNamespace.Create(_name);
        using var netlink = RouteNetlink.Open(_namespace);
        netlink.ChangeLink(1, new LinkSettings { IsUp = true });
        LoopbackAddresses.Add(_namespace, netlink, node.Self, node.Router, node.World, node.Peer, node.C);
    }

    public void Connect(string local, ushort localPort, string remote, ushort remotePort) => _namespace.Run(() =>
    {
        using var listener = Make(SocketType.Stream, remote, remotePort);
        listener.Listen();
        var client = Make(SocketType.Stream, local, localPort);
        client.Connect(IPAddress.Parse(remote), remotePort);
        _sockets.Add(client);
        _sockets.Add(listener.Accept());
        return true;
    });

    public void Bind(byte protocol, string local, ushort port) => _namespace.Run(() =>
    {
        var socket = Make(protocol == Frame.Tcp ? SocketType.Stream : SocketType.Dgram, local, port);
        if (protocol == Frame.Tcp)
            socket.Listen();
        _sockets.Add(socket);
        return true;
    });

    public Outcome Run(string program, byte[] packet) => _namespace.Run(() => _node.Bench.Run(program, packet));

    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
        _namespace.Dispose();
        NetworkNamespace.Delete(_name);
    }

    private static Socket Make(SocketType type, string address, ushort port)
    {
        var end = new IPEndPoint(IPAddress.Parse(address), port);
        var socket = new Socket(end.AddressFamily, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp);
        socket.Bind(end);
        return socket;
    }
}
