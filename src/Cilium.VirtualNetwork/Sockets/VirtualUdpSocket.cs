using Cilium.Bpf;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork.Sockets;

/// <summary>A UDP socket. Calls return zero or an error number of Linux; what they sent moves when the fabric runs.</summary>
public sealed class VirtualUdpSocket : IDisposable
{
    private const int Unreachable = 101;
    private const int NotConnected = 107;
    private readonly SocketTable _table;
    private readonly SocketCall _call;
    private readonly Queue<Datagram> _received = new();
    private Endpoint? _peer;

    internal VirtualUdpSocket(SocketTable table, ushort port, VirtualCgroup cgroup)
    {
        _table = table;
        Port = port;
        Cookie = table.Namespace.Node.NextSocketCookie();
        _call = new SocketCall(table, cgroup, Cookie, FrameWriter.Udp);
    }

    /// <summary>The port it receives on.</summary>
    public ushort Port { get; }

    /// <summary>What programs get from <c>bpf_get_socket_cookie</c>.</summary>
    public ulong Cookie { get; }

    /// <summary>The last error that was told about its packets.</summary>
    public IcmpError? LastError { get; private set; }

    /// <summary>Fixes the other end.</summary>
    public int Connect(Endpoint destination)
    {
        var error = _call.Run(AttachType.CgroupInet4Connect, AttachType.CgroupInet6Connect, ref destination);
        if (error == 0)
            _peer = destination;
        return error;
    }

    /// <summary>Sends to the fixed other end.</summary>
    public int Send(ReadOnlySpan<byte> payload) => _peer is { } peer ? Put(peer, payload) : NotConnected;

    /// <summary>Sends to an address.</summary>
    public int SendTo(ReadOnlySpan<byte> payload, Endpoint destination)
    {
        var error = _call.Run(AttachType.CgroupUdp4SendMsg, AttachType.CgroupUdp6SendMsg, ref destination);
        return error != 0 ? error : Put(destination, payload);
    }

    /// <summary>Takes the next datagram, with the sender that the programs let the process see; false when there is none.</summary>
    public bool TryReceive(out Datagram datagram)
    {
        if (!_received.TryDequeue(out datagram))
            return false;
        var source = datagram.Source;
        if (_call.Run(AttachType.CgroupUdp4RecvMsg, AttachType.CgroupUdp6RecvMsg, ref source) == 0)
            datagram = datagram with { Source = source };
        return true;
    }

    /// <summary>The other end that the programs let the process see; null when it is not connected.</summary>
    public Endpoint? PeerName()
    {
        if (_peer is not { } peer)
            return null;
        _call.Run(AttachType.CgroupInet4GetPeerName, AttachType.CgroupInet6GetPeerName, ref peer);
        return peer;
    }

    /// <summary>Closes the socket; what programs stored on it ends.</summary>
    public void Dispose()
    {
        _table.Remove(this);
        _table.Namespace.Node.Engine.RemoveSocket(Cookie);
    }

    internal bool Take(Endpoint source, Endpoint destination, ReadOnlySpan<byte> payload)
    {
        if (_peer is { } peer && peer != source)
            return false;
        _received.Enqueue(new Datagram(source, destination, payload.ToArray()));
        return true;
    }

    internal void Take(IcmpError error) => LastError = error;

    private int Put(Endpoint destination, ReadOnlySpan<byte> payload)
    {
        var source = _table.Namespace.SourceFor(destination.Address);
        if (source.IsNone)
            return Unreachable;
        _table.Namespace.OutputOfSocket(FrameWriter.UdpDatagram(new Endpoint(source, Port), destination, payload), destination.Address);
        return 0;
    }
}

/// <summary>A received datagram.</summary>
/// <param name="Source">Who sent it.</param>
/// <param name="Destination">The address of ours that it came to.</param>
/// <param name="Payload">What was sent.</param>
public readonly record struct Datagram(Endpoint Source, Endpoint Destination, ReadOnlyMemory<byte> Payload);
