namespace Cilium.VirtualNetwork.Sockets;

/// <summary>Accepts TCP connections to a port.</summary>
public sealed class VirtualTcpListener : IDisposable
{
    private readonly SocketTable _table;
    private readonly VirtualCgroup _cgroup;
    private readonly Queue<VirtualTcpConnection> _accepted = new();

    internal VirtualTcpListener(SocketTable table, ushort port, VirtualCgroup cgroup)
    {
        _table = table;
        Port = port;
        _cgroup = cgroup;
    }

    /// <summary>The port.</summary>
    public ushort Port { get; }

    /// <summary>Takes the next connection; false when there is none.</summary>
    public bool TryAccept(out VirtualTcpConnection? connection) => _accepted.TryDequeue(out connection);

    /// <summary>Listens no more; connections stay.</summary>
    public void Dispose() => _table.Remove(this);

    internal void Take(TcpSegment segment)
    {
        var connection = new VirtualTcpConnection(_table, Port, _cgroup);
        connection.Answer(segment);
        _accepted.Enqueue(connection);
    }
}
