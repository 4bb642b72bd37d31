using System.Buffers.Binary;
using Cilium.Core;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork.Sockets;

/// <summary>The sockets of a namespace. Echo requests and datagrams nobody waits for are answered as a host answers them.</summary>
public sealed class SocketTable
{
    private const ushort FirstEphemeral = 32768;
    private readonly Dictionary<(byte Protocol, ushort Port), VirtualUdpSocket> _datagrams = [];
    private readonly Dictionary<ushort, VirtualTcpListener> _listeners = [];
    private readonly Dictionary<(Endpoint Local, Endpoint Remote), VirtualTcpConnection> _connections = [];
    private readonly Dictionary<ushort, VirtualEcho> _echoes = [];
    private ushort _lastEphemeral = FirstEphemeral - 1;

    internal SocketTable(VirtualNamespace ns) => Namespace = ns;

    /// <summary>Whether what nobody listens for is answered by a reset or an error, as a host does; otherwise it is dropped.</summary>
    public bool RefusesUnknown { get; set; } = true;

    internal VirtualNamespace Namespace { get; }

    /// <summary>Opens a UDP socket.</summary>
    /// <param name="port">The port to receive on; 0 for a free one.</param>
    /// <param name="cgroup">Whose programs see its calls; null for the node's root.</param>
    /// <exception cref="ArgumentException">The port is taken.</exception>
    public VirtualUdpSocket OpenUdp(ushort port = 0, VirtualCgroup? cgroup = null)
    {
        var chosen = port == 0 ? Ephemeral(candidate => _datagrams.ContainsKey((FrameWriter.Udp, candidate))) : port;
        var socket = new VirtualUdpSocket(this, chosen, cgroup ?? Namespace.Node.Cgroup);
        return _datagrams.TryAdd((FrameWriter.Udp, chosen), socket) ? socket : throw new ArgumentException($"UDP port {port} is taken in {Namespace.Name}", nameof(port));
    }

    /// <summary>Listens for TCP connections on all addresses.</summary>
    /// <exception cref="ArgumentException">The port is taken.</exception>
    public VirtualTcpListener Listen(ushort port, VirtualCgroup? cgroup = null)
    {
        var listener = new VirtualTcpListener(this, port, cgroup ?? Namespace.Node.Cgroup);
        return _listeners.TryAdd(port, listener) ? listener : throw new ArgumentException($"TCP port {port} is taken in {Namespace.Name}", nameof(port));
    }

    /// <summary>Begins a TCP connection. What became of it, its state says when the fabric has run.</summary>
    public VirtualTcpConnection ConnectTcp(Endpoint destination, VirtualCgroup? cgroup = null)
    {
        var port = Ephemeral(candidate => _connections.Keys.Any(key => key.Local.Port == candidate) || _listeners.ContainsKey(candidate));
        var connection = new VirtualTcpConnection(this, port, cgroup ?? Namespace.Node.Cgroup);
        connection.Begin(destination);
        return connection;
    }

    /// <summary>Sends an echo request ("ping") and waits for answers.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="payloadBytes">Bytes behind the ICMP header.</param>
    public VirtualEcho Echo(IpAddr destination, int payloadBytes = 32)
    {
        var id = Ephemeral(_echoes.ContainsKey);
        var echo = new VirtualEcho(this, id, destination);
        _echoes[id] = echo;
        echo.Send(payloadBytes);
        return echo;
    }

    internal void Register(VirtualTcpConnection connection) => _connections[(connection.Local, connection.Remote)] = connection;

    internal void Remove(VirtualTcpConnection connection) => _connections.Remove((connection.Local, connection.Remote));

    internal void Remove(VirtualUdpSocket socket) => _datagrams.Remove((FrameWriter.Udp, socket.Port));

    internal void Remove(VirtualTcpListener listener) => _listeners.Remove(listener.Port);

    internal void Remove(VirtualEcho echo) => _echoes.Remove(echo.Id);

    /// <summary>Gives a packet to whom it is for; false when nobody wants it.</summary>
    /// <param name="ip">The packet.</param>
    /// <param name="gsoSize">Bytes of payload of each packet that it stands for; zero when it is one.</param>
    internal bool Deliver(in IpPacket ip, int gsoSize)
    {
        if (ip.IsFragment)
            return false;
        return ip.Protocol switch
        {
            FrameWriter.Udp when ip.Payload.Length >= FrameWriter.UdpBytes => DeliverDatagram(ip, gsoSize),
            FrameWriter.Tcp when ip.Payload.Length >= FrameWriter.TcpBytes => DeliverSegment(ip),
            FrameWriter.Icmp or FrameWriter.IcmpV6 when ip.Payload.Length >= FrameWriter.IcmpBytes => DeliverMessage(ip),
            _ => false,
        };
    }

    private bool DeliverDatagram(in IpPacket ip, int gsoSize)
    {
        var source = new Endpoint(ip.Source, BinaryPrimitives.ReadUInt16BigEndian(ip.Payload));
        var destination = new Endpoint(ip.Destination, BinaryPrimitives.ReadUInt16BigEndian(ip.Payload[2..]));
        var bytes = BinaryPrimitives.ReadUInt16BigEndian(ip.Payload[4..]);
        if (bytes < FrameWriter.UdpBytes || bytes > ip.Payload.Length || !HasRightChecksum(ip, 6, isOptional: true))
            return false;
        if (_datagrams.TryGetValue((FrameWriter.Udp, destination.Port), out var socket))
            return TakeAll(socket, source, destination, ip.Payload[FrameWriter.UdpBytes..bytes], gsoSize);
        if (RefusesUnknown)
            IcmpErrors.PortUnreachable(Namespace, WithEthernet(ip));
        return false;
    }

    /// <summary>A socket gets the datagrams that a packet stands for one by one.</summary>
    private static bool TakeAll(VirtualUdpSocket socket, Endpoint source, Endpoint destination, ReadOnlySpan<byte> payload, int gsoSize)
    {
        for (; gsoSize != 0 && payload.Length > gsoSize; payload = payload[gsoSize..])
        {
            if (!socket.Take(source, destination, payload[..gsoSize]))
                return false;
        }
        return socket.Take(source, destination, payload);
    }

    private bool DeliverSegment(in IpPacket ip)
    {
        if (!HasRightChecksum(ip, 16, isOptional: false))
            return false;
        var segment = TcpSegment.Read(ip);
        if (_connections.TryGetValue((segment.Destination, segment.Source), out var connection))
        {
            connection.Take(segment);
            return true;
        }
        if (_listeners.TryGetValue(segment.Destination.Port, out var listener) && segment.Flags.HasFlag(TcpFlags.Syn) && !segment.Flags.HasFlag(TcpFlags.Ack))
        {
            listener.Take(segment);
            return true;
        }
        if (!segment.Flags.HasFlag(TcpFlags.Rst) && RefusesUnknown)
            Namespace.Output(segment.Refusal());
        return false;
    }

    private bool DeliverMessage(in IpPacket ip)
    {
        var (request, reply) = ip.Source.IsIPv4 ? ((byte)8, (byte)0) : ((byte)128, (byte)129);
        if (ip.Payload[0] == request)
        {
            // An answer comes from the address that was asked.
            Namespace.OutputOfSocket(
                FrameWriter.IcmpMessage(ip.Destination, ip.Source, reply, 0, BinaryPrimitives.ReadUInt32BigEndian(ip.Payload[4..]), ip.Payload[8..]), ip.Source);
            return true;
        }
        if (ip.Payload[0] == reply)
            return _echoes.TryGetValue(BinaryPrimitives.ReadUInt16BigEndian(ip.Payload[4..]), out var echo) && echo.Take(ip);
        return IcmpErrors.IsError(ip) && DeliverError(ip);
    }

    /// <summary>An error about a packet of ours tells the socket that sent it.</summary>
    private bool DeliverError(in IpPacket ip)
    {
        var quoted = new byte[IpPacket.EthernetBytes + ip.Payload.Length - FrameWriter.IcmpBytes];
        ip.Payload[FrameWriter.IcmpBytes..].CopyTo(quoted.AsSpan(IpPacket.EthernetBytes));
        var error = new IcmpError(ip.Source, ip.Payload[0], ip.Payload[1]);
        if (QuotedHeader.TryRead(quoted, ip.Source.IsIPv4, out var protocol, out var from, out var to) is false)
            return false;
        switch (protocol)
        {
            case FrameWriter.Udp when _datagrams.TryGetValue((FrameWriter.Udp, from.Port), out var socket):
                socket.Take(error);
                return true;
            case FrameWriter.Tcp when _connections.TryGetValue((from, to), out var connection):
                connection.Take(error);
                return true;
            case FrameWriter.Icmp or FrameWriter.IcmpV6 when _echoes.TryGetValue(to.Port, out var echo):
                echo.Take(error);
                return true;
            default:
                return false;
        }
    }

    private static bool HasRightChecksum(in IpPacket ip, int offset, bool isOptional)
    {
        if (isOptional && BinaryPrimitives.ReadUInt16BigEndian(ip.Payload[offset..]) == 0)
            return true;
        return FrameWriter.Checksum(ip.Source, ip.Destination, ip.Protocol, ip.Payload) == 0;
    }

    private static byte[] WithEthernet(in IpPacket ip) => FrameWriter.Raw(ip.Source, ip.Destination, ip.Protocol, ip.Payload, ip.Ttl);

    private ushort Ephemeral(Func<ushort, bool> isTaken)
    {
        for (var tries = 0; tries < ushort.MaxValue - FirstEphemeral; tries++)
        {
            _lastEphemeral = _lastEphemeral is ushort.MaxValue or < FirstEphemeral ? FirstEphemeral : (ushort)(_lastEphemeral + 1);
            if (!isTaken(_lastEphemeral))
                return _lastEphemeral;
        }
        throw new InvalidOperationException($"{Namespace.Name} has no free port");
    }
}
