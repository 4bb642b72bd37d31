using System.Buffers.Binary;
using Cilium.Bpf.InProcess;
using Cilium.Core;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork.Sockets;

/// <summary>The sockets of a namespace. Echo requests and datagrams nobody waits for are answered as a host answers them.</summary>
public sealed class SocketTable : IBpfSockets
{
    private const ushort FirstEphemeral = 32768;
    private const uint Internet = 2;
    private const uint Internet6 = 10;
    private readonly BpfSocketTable _sockets = new();
    private readonly Dictionary<ushort, VirtualEcho> _echoes = [];
    private ushort _lastEphemeral = FirstEphemeral - 1;

    internal SocketTable(VirtualNamespace ns) => Namespace = ns;

    /// <summary>Whether what nobody listens for is answered by a reset or an error, as a host does; otherwise it is dropped.</summary>
    public bool RefusesUnknown { get; set; } = true;

    internal VirtualNamespace Namespace { get; }

    /// <summary>Opens a UDP socket that receives at all addresses.</summary>
    /// <param name="port">The port to receive on; 0 for a free one.</param>
    /// <param name="cgroup">Whose programs see its calls; null for the node's root.</param>
    /// <exception cref="ArgumentException">The port is taken.</exception>
    public VirtualUdpSocket OpenUdp(ushort port = 0, VirtualCgroup? cgroup = null) => OpenUdp(new SocketBinding { Port = port, Cgroup = cgroup });

    /// <summary>Opens a UDP socket.</summary>
    /// <exception cref="ArgumentException">The port is taken.</exception>
    public VirtualUdpSocket OpenUdp(SocketBinding binding)
    {
        ArgumentNullException.ThrowIfNull(binding);
        if (binding.Port == 0)
            binding = binding with { Port = Ephemeral(candidate => _sockets.IsTaken(FrameWriter.Udp, candidate)) };
        Refuse(binding, FrameWriter.Udp);
        var socket = new VirtualUdpSocket(this, binding, binding.Cgroup ?? Namespace.Node.Cgroup);
        Add(socket.Entry);
        return socket;
    }

    /// <summary>Listens for TCP connections at all addresses.</summary>
    /// <exception cref="ArgumentException">The port is taken.</exception>
    public VirtualTcpListener Listen(ushort port, VirtualCgroup? cgroup = null) => Listen(new SocketBinding { Port = port, Cgroup = cgroup });

    /// <summary>Listens for TCP connections.</summary>
    /// <exception cref="ArgumentException">The port is taken.</exception>
    public VirtualTcpListener Listen(SocketBinding binding)
    {
        ArgumentNullException.ThrowIfNull(binding);
        if (binding.Port == 0)
            binding = binding with { Port = Ephemeral(candidate => _sockets.IsTaken(FrameWriter.Tcp, candidate)) };
        Refuse(binding, FrameWriter.Tcp);
        var listener = new VirtualTcpListener(this, binding, binding.Cgroup ?? Namespace.Node.Cgroup);
        Add(listener.Entry);
        return listener;
    }

    /// <summary>Begins a TCP connection. What became of it, its state says when the fabric has run.</summary>
    public VirtualTcpConnection ConnectTcp(Endpoint destination, VirtualCgroup? cgroup = null)
    {
        var port = Ephemeral(candidate => _sockets.IsTaken(FrameWriter.Tcp, candidate));
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

    /// <inheritdoc/>
    public BpfSocket? Find(in BpfSocketQuery query) => query.NamespaceId < 0
        ? _sockets.Find(query)
        : Namespace.NamespaceOrNull(query.NamespaceId)?.Sockets._sockets.Find(query with { NamespaceId = -1 });

    /// <summary>False when there is a connection with the same ends.</summary>
    internal bool Add(BpfSocket socket) => _sockets.TryAdd(socket);

    internal void Remove(BpfSocket socket) => _sockets.Remove(socket);

    internal static uint FamilyOf(IpAddr address) => address.IsIPv4 ? Internet : Internet6;

    internal static BpfSocket EntryOf(SocketBinding binding, byte protocol, BpfSocketState state, ulong cookie, object owner) => new()
    {
        Family = FamilyOf(binding.Address),
        Protocol = protocol,
        LocalAddress = binding.IsWildcard ? 0 : binding.Address.Value,
        LocalPort = binding.Port,
        State = state,
        BoundIfindex = binding.Device?.Index ?? 0,
        IsIPv6Only = binding.IsIPv6Only && !binding.IsIPv4,
        SharesPort = binding.SharesPort,
        Cookie = cookie,
        Owner = owner,
    };

    internal void Remove(VirtualEcho echo) => _echoes.Remove(echo.Id);

    /// <summary>Gives a packet to whom it is for; false when nobody wants it.</summary>
    /// <param name="device">The device it came by.</param>
    /// <param name="ip">The packet.</param>
    /// <param name="gsoSize">Bytes of payload of each packet that it stands for; zero when it is one.</param>
    internal bool Deliver(VirtualInterface device, in IpPacket ip, int gsoSize)
    {
        if (ip.IsFragment)
            return false;
        return ip.Protocol switch
        {
            FrameWriter.Udp when ip.Payload.Length >= FrameWriter.UdpBytes => DeliverDatagram(device, ip, gsoSize),
            FrameWriter.Tcp when ip.Payload.Length >= FrameWriter.TcpBytes => DeliverSegment(device, ip),
            FrameWriter.Icmp or FrameWriter.IcmpV6 when ip.Payload.Length >= FrameWriter.IcmpBytes => DeliverMessage(device, ip),
            _ => false,
        };
    }

    private bool DeliverDatagram(VirtualInterface device, in IpPacket ip, int gsoSize)
    {
        var source = new Endpoint(ip.Source, BinaryPrimitives.ReadUInt16BigEndian(ip.Payload));
        var destination = new Endpoint(ip.Destination, BinaryPrimitives.ReadUInt16BigEndian(ip.Payload[2..]));
        var bytes = BinaryPrimitives.ReadUInt16BigEndian(ip.Payload[4..]);
        if (bytes < FrameWriter.UdpBytes || bytes > ip.Payload.Length || !HasRightChecksum(ip, 6, isOptional: true))
            return false;
        if (OwnerOf(device, FrameWriter.Udp, destination, source) is VirtualUdpSocket socket)
        {
            TakeAll(socket, source, destination, ip.Payload[FrameWriter.UdpBytes..bytes], gsoSize);
            return true;
        }
        if (RefusesUnknown)
            IcmpErrors.PortUnreachable(Namespace, WithEthernet(ip));
        return false;
    }

    /// <summary>A socket gets the datagrams that a packet stands for one by one.</summary>
    private static void TakeAll(VirtualUdpSocket socket, Endpoint source, Endpoint destination, ReadOnlySpan<byte> payload, int gsoSize)
    {
        for (; gsoSize != 0 && payload.Length > gsoSize; payload = payload[gsoSize..])
            socket.Take(source, destination, payload[..gsoSize]);
        socket.Take(source, destination, payload);
    }

    private bool DeliverSegment(VirtualInterface device, in IpPacket ip)
    {
        if (!HasRightChecksum(ip, 16, isOptional: false))
            return false;
        var segment = TcpSegment.Read(ip);
        switch (OwnerOf(device, FrameWriter.Tcp, segment.Destination, segment.Source))
        {
            case VirtualTcpConnection connection:
                connection.Take(segment);
                return true;
            case VirtualTcpListener listener when segment.Flags.HasFlag(TcpFlags.Syn) && !segment.Flags.HasFlag(TcpFlags.Ack):
                listener.Take(segment);
                return true;
        }
        if (!segment.Flags.HasFlag(TcpFlags.Rst) && RefusesUnknown)
            Namespace.Output(segment.Refusal());
        return false;
    }

    private bool DeliverMessage(VirtualInterface device, in IpPacket ip)
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
        return IcmpErrors.IsError(ip) && DeliverError(device, ip);
    }

    /// <summary>An error about a packet of ours tells the socket that sent it.</summary>
    private bool DeliverError(VirtualInterface device, in IpPacket ip)
    {
        var quoted = new byte[IpPacket.EthernetBytes + ip.Payload.Length - FrameWriter.IcmpBytes];
        ip.Payload[FrameWriter.IcmpBytes..].CopyTo(quoted.AsSpan(IpPacket.EthernetBytes));
        var error = new IcmpError(ip.Source, ip.Payload[0], ip.Payload[1]);
        if (QuotedHeader.TryRead(quoted, ip.Source.IsIPv4, out var protocol, out var from, out var to) is false)
            return false;
        switch (protocol)
        {
            case FrameWriter.Udp when OwnerOf(device, protocol, from, to) is VirtualUdpSocket socket:
                socket.Take(error);
                return true;
            case FrameWriter.Tcp when OwnerOf(device, protocol, from, to) is VirtualTcpConnection connection:
                connection.Take(error);
                return true;
            case FrameWriter.Icmp or FrameWriter.IcmpV6 when _echoes.TryGetValue(to.Port, out var echo):
                echo.Take(error);
                return true;
            default:
                return false;
        }
    }

    private object? OwnerOf(VirtualInterface device, byte protocol, Endpoint local, Endpoint remote) => _sockets.Find(new BpfSocketQuery
    {
        IsIPv6 = !local.Address.IsIPv4,
        Protocol = protocol,
        RemoteAddress = remote.Address.Value,
        RemotePort = remote.Port,
        LocalAddress = local.Address.Value,
        LocalPort = local.Port,
        Ifindex = device.Index,
    })?.Owner;

    private void Refuse(SocketBinding binding, byte protocol)
    {
        foreach (var other in _sockets.Unconnected(protocol, binding.Port))
        {
            if (binding.Conflicts(other.Owner is VirtualUdpSocket socket ? socket.Binding : ((VirtualTcpListener)other.Owner!).Binding))
                throw new ArgumentException($"{(protocol == FrameWriter.Udp ? "UDP" : "TCP")} port {binding.Port} is taken in {Namespace.Name}", nameof(binding));
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
