using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Core;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork.Sockets;

/// <summary>A UDP socket. Calls return zero or an error number of Linux; what they sent moves when the fabric runs.</summary>
public sealed class VirtualUdpSocket : IDisposable
{
    private const int Unreachable = 101;
    private const int NotConnected = 107;
    private const int WrongFamily = 97;
    private readonly SocketTable _table;
    private readonly SocketCall _call;
    private readonly Queue<Datagram> _received = new();
    private Endpoint? _peer;

    internal VirtualUdpSocket(SocketTable table, SocketBinding binding, VirtualCgroup cgroup)
    {
        _table = table;
        Binding = binding;
        Cookie = table.Namespace.Node.NextSocketCookie();
        _call = new SocketCall(table, cgroup, Cookie, FrameWriter.Udp);
        Entry = SocketTable.EntryOf(binding, FrameWriter.Udp, BpfSocketState.Close, Cookie, this);
    }

    /// <summary>The port it receives on.</summary>
    public ushort Port => Binding.Port;

    /// <summary>Where it receives.</summary>
    public SocketBinding Binding { get; }

    /// <summary>What programs get from <c>bpf_get_socket_cookie</c>.</summary>
    public ulong Cookie { get; }

    internal BpfSocket Entry { get; private set; }

    /// <summary>The last error that was told about its packets.</summary>
    public IcmpError? LastError { get; private set; }

    /// <summary>Fixes the other end, and with it the address that it receives at.</summary>
    public int Connect(Endpoint destination)
    {
        var error = _call.Run(AttachType.CgroupInet4Connect, AttachType.CgroupInet6Connect, ref destination);
        if (error != 0)
            return error;
        if (FindSource(destination.Address, out var source) is not 0 and var refused)
            return refused;
        _peer = destination;
        _table.Remove(Entry);
        Entry = new BpfSocket
        {
            Family = Entry.Family,
            Protocol = FrameWriter.Udp,
            LocalAddress = source.Value,
            LocalPort = Port,
            RemoteAddress = destination.Address.Value,
            RemotePort = destination.Port,
            State = BpfSocketState.Established,
            BoundIfindex = Entry.BoundIfindex,
            IsIPv6Only = Entry.IsIPv6Only,
            SharesPort = Entry.SharesPort,
            Cookie = Cookie,
            Owner = this,
        };
        _table.Add(Entry);
        return 0;
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
        _table.Remove(Entry);
        _table.Namespace.Node.Engine.RemoveSocket(Cookie);
    }

    internal void Take(Endpoint source, Endpoint destination, ReadOnlySpan<byte> payload) =>
        _received.Enqueue(new Datagram(source, destination, payload.ToArray()));

    internal void Take(IcmpError error) => LastError = error;

    private int Put(Endpoint destination, ReadOnlySpan<byte> payload)
    {
        if (FindSource(destination.Address, out var source) is not 0 and var error)
            return error;
        _table.Namespace.OutputOfSocket(FrameWriter.UdpDatagram(new Endpoint(source, Port), destination, payload), destination.Address);
        return 0;
    }

    /// <summary>The address that it sends from. Returns zero or an error number of Linux.</summary>
    private int FindSource(IpAddr destination, out IpAddr source)
    {
        source = IpAddr.None;
        if (Binding.IsIPv4 && !destination.IsIPv4)
            return WrongFamily;
        if (!Binding.IsIPv4 && destination.IsIPv4 && (Binding.IsIPv6Only || !Binding.IsWildcard))
            return Unreachable;
        source = Binding.IsWildcard ? _table.Namespace.SourceFor(destination) : Binding.Address;
        return source.IsNone ? Unreachable : 0;
    }
}

/// <summary>A received datagram.</summary>
/// <param name="Source">Who sent it.</param>
/// <param name="Destination">The address of ours that it came to.</param>
/// <param name="Payload">What was sent.</param>
public readonly record struct Datagram(Endpoint Source, Endpoint Destination, ReadOnlyMemory<byte> Payload);
