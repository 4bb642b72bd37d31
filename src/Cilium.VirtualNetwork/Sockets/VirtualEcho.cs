using Cilium.Core;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork.Sockets;

/// <summary>An echo request that was sent, and the answers to it.</summary>
public sealed class VirtualEcho : IDisposable
{
    private readonly SocketTable _table;
    private readonly IpAddr _destination;
    private readonly List<IpAddr> _replies = [];

    internal VirtualEcho(SocketTable table, ushort id, IpAddr destination)
    {
        _table = table;
        Id = id;
        _destination = destination;
    }

    /// <summary>The number that requests and replies carry.</summary>
    public ushort Id { get; }

    /// <summary>Who replied, in the order of arrival.</summary>
    public IReadOnlyList<IpAddr> Replies => _replies;

    /// <summary>The last error that was told about it.</summary>
    public IcmpError? LastError { get; private set; }

    /// <summary>Waits no more.</summary>
    public void Dispose() => _table.Remove(this);

    internal void Send(int payloadBytes)
    {
        var source = _table.Namespace.SourceFor(_destination);
        if (source.IsNone)
            return;
        _table.Namespace.OutputOfSocket(
            FrameWriter.IcmpMessage(source, _destination, source.IsIPv4 ? (byte)8 : (byte)128, 0, (uint)Id << 16 | 1, new byte[payloadBytes]), _destination);
    }

    internal bool Take(in IpPacket ip)
    {
        _replies.Add(ip.Source);
        return true;
    }

    internal void Take(IcmpError error) => LastError = error;
}
