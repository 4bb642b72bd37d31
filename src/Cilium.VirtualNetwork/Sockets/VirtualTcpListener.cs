using Cilium.Bpf.InProcess;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork.Sockets;

/// <summary>Accepts TCP connections to a port.</summary>
public sealed class VirtualTcpListener : IDisposable
{
    private readonly SocketTable _table;
    private readonly VirtualCgroup _cgroup;
    private readonly Queue<VirtualTcpConnection> _accepted = new();

    internal VirtualTcpListener(SocketTable table, SocketBinding binding, VirtualCgroup cgroup)
    {
        _table = table;
        _cgroup = cgroup;
        Binding = binding;
        Cookie = table.Namespace.Node.NextSocketCookie();
        Entry = SocketTable.EntryOf(binding, FrameWriter.Tcp, BpfSocketState.Listen, Cookie, this);
    }

    /// <summary>The port.</summary>
    public ushort Port => Binding.Port;

    /// <summary>Where it receives.</summary>
    public SocketBinding Binding { get; }

    /// <summary>The number under which programs store values on it.</summary>
    public ulong Cookie { get; }

    internal BpfSocket Entry { get; }

    /// <summary>Takes the next connection; false when there is none.</summary>
    public bool TryAccept(out VirtualTcpConnection? connection) => _accepted.TryDequeue(out connection);

    /// <summary>Listens no more; connections stay. What programs stored on it ends.</summary>
    public void Dispose()
    {
        _table.Remove(Entry);
        _table.Namespace.Node.Engine.RemoveSocket(Cookie);
    }

    internal void Take(TcpSegment segment)
    {
        var connection = new VirtualTcpConnection(_table, Port, _cgroup);
        if (connection.TryAnswer(segment, Entry))
            _accepted.Enqueue(connection);
    }
}
