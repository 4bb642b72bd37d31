using Cilium.Bpf.InProcess;
using Cilium.Core;
using Cilium.VirtualNetwork.Devices;
using Cilium.VirtualNetwork.Sockets;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork;

/// <summary>A network namespace: devices, routes, neighbours, and a small stack with sockets.</summary>
public sealed class VirtualNamespace : IBpfRouting
{
    private readonly Dictionary<uint, VirtualInterface> _interfaces = [];
    private readonly Dictionary<IpAddr, List<VirtualInterface>> _local = [];
    private readonly List<TunnelInterface> _tunnels = [];
    private readonly Dictionary<int, VirtualNamespace> _numbered = [];
    private readonly LocalDelivery _delivery;
    private uint _nextIndex = 1;
    private uint _lastPacketId;

    internal VirtualNamespace(VirtualNode node, string name, ulong cookie)
    {
        Node = node;
        Name = name;
        Cookie = cookie;
        Neighbours = new NeighbourTable(this);
        Sockets = new SocketTable(this);
        _delivery = new LocalDelivery(this, _tunnels);
        Loopback = Add(index => new LoopbackInterface(this, index));
        AddLocal(IpAddr.Parse("127.0.0.1"), Loopback);
        AddLocal(IpAddr.Parse("::1"), Loopback);
    }

    /// <summary>The node.</summary>
    public VirtualNode Node { get; }

    /// <summary>A name for messages.</summary>
    public string Name { get; }

    /// <summary>What programs get from <c>bpf_get_netns_cookie</c>.</summary>
    public ulong Cookie { get; }

    /// <summary>Whether packets of others are sent on, by family: ip_forward.</summary>
    public bool ForwardsIPv4 { get; set; }

    /// <summary>The same for IPv6.</summary>
    public bool ForwardsIPv6 { get; set; }

    /// <summary>The index that the next device gets.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The index is taken, or zero.</exception>
    public uint NextIndex
    {
        get => _nextIndex;
        set => _nextIndex = value != 0 && !_interfaces.ContainsKey(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), $"index {value} is taken or zero");
    }

    /// <summary>The devices, in the order of their indices.</summary>
    public IEnumerable<VirtualInterface> Interfaces => _interfaces.Values.OrderBy(device => device.Index);

    /// <summary>Whether a tunnel device takes the datagrams that come for a UDP port.</summary>
    public bool IsTunnelPort(ushort port) => _tunnels.Exists(tunnel => tunnel.Port == port);

    /// <summary>The loopback device.</summary>
    public VirtualInterface Loopback { get; }

    /// <summary>The routes.</summary>
    public RouteTable Routes { get; } = new();

    /// <summary>The neighbours.</summary>
    public NeighbourTable Neighbours { get; }

    /// <summary>The sockets.</summary>
    public SocketTable Sockets { get; }

    /// <summary>
    /// Gets every packet for this namespace before the stack does, which never sees those that it takes; null for nobody. Fragments come one by
    /// one. The bytes begin with the Ethernet header and are valid during the call.
    /// </summary>
    public LocalSink? Sink { get; set; }

    /// <summary>Gives a namespace of the same node a number, by which programs here look for sockets there (<c>ip netns set</c>).</summary>
    /// <exception cref="ArgumentException">The number is negative or taken, or the namespace is of another node.</exception>
    public void Number(VirtualNamespace other, int id)
    {
        ArgumentNullException.ThrowIfNull(other);
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        if (!ReferenceEquals(other.Node, Node))
            throw new ArgumentException($"{other.Name} is of another node", nameof(other));
        if (!_numbered.TryAdd(id, other))
            throw new ArgumentException($"number {id} is taken in {Name}", nameof(id));
    }

    /// <summary>Adds a pair of devices: one here, the other in another namespace or here too.</summary>
    /// <param name="name">The name of the one here.</param>
    /// <param name="other">Where the other one is.</param>
    /// <param name="otherName">Its name.</param>
    /// <param name="otherIndex">Its index; 0 for the next one there.</param>
    /// <exception cref="ArgumentOutOfRangeException">The index is taken.</exception>
    public (VirtualInterface Here, VirtualInterface There) AddPair(string name, VirtualNamespace other, string otherName, uint otherIndex = 0)
    {
        ArgumentNullException.ThrowIfNull(other);
        var here = Add(index => new PairInterface(this, name, index));
        if (otherIndex != 0)
            other.NextIndex = otherIndex;
        var there = other.Add(index => new PairInterface(other, otherName, index));
        (here.Other, there.Other) = (there, here);
        return (here, there);
    }

    /// <summary>Adds a device on a segment.</summary>
    public VirtualInterface AddSegmentDevice(string name, VirtualSegment segment)
    {
        ArgumentNullException.ThrowIfNull(segment);
        var device = Add(index => new SegmentInterface(this, name, index, segment));
        segment.Add(device);
        return device;
    }

    /// <summary>Adds a VXLAN device that collects metadata.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="port">The UDP port that it sends to and listens on.</param>
    public VirtualInterface AddTunnel(string name, ushort port)
    {
        var device = Add(index => new TunnelInterface(this, name, index, port));
        _tunnels.Add(device);
        return device;
    }

    /// <summary>Adds a device whose other end is the embedding program.</summary>
    public VirtualPort AddPort(string name) => Add(index => new VirtualPort(this, name, index));

    /// <summary>The device with an index, or null.</summary>
    public VirtualInterface? InterfaceOrNull(uint index) => _interfaces.GetValueOrDefault(index);

    /// <summary>The device with a name, or null.</summary>
    public VirtualInterface? InterfaceOrNull(string name) => _interfaces.Values.FirstOrDefault(device => device.Name == name);

    /// <summary>Removes a device with its addresses, routes and neighbours, and the other end of a pair with it.</summary>
    public void Remove(VirtualInterface device)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (!_interfaces.Remove(device.Index))
            return;
        device.IsUp = false;
        foreach (var address in device.Addresses)
        {
            if (_local.TryGetValue(address, out var devices) && devices.Remove(device) && devices.Count == 0)
                _local.Remove(address);
        }
        Routes.RemoveBy(device);
        Neighbours.RemoveBy(device);
        if (device is TunnelInterface tunnel)
            _tunnels.Remove(tunnel);
        device.Removed();
    }

    /// <summary>Whether an address is one of this namespace.</summary>
    public bool IsLocal(IpAddr address) => _local.ContainsKey(address) || (address.IsIPv4 && address.IPv4Value >> 24 == 127);

    /// <summary>Sends a network packet from here, with the source and the checksums that it has.</summary>
    /// <param name="packet">The packet, from its network header on.</param>
    /// <exception cref="ArgumentException">It is no whole IPv4 or IPv6 packet.</exception>
    public void Send(ReadOnlySpan<byte> packet)
    {
        Output(WithEthernet(packet));
    }

    /// <summary>Sends a packet from here that stands for several, as a socket with segmentation offload does.</summary>
    /// <param name="packet">The packet, from its network header on: TCP or UDP, with the length of the whole in its headers.</param>
    /// <param name="gsoSize">Bytes of payload in each of the packets but the last.</param>
    /// <exception cref="ArgumentException">It is no whole packet of TCP or UDP with payload.</exception>
    public void Send(ReadOnlySpan<byte> packet, int gsoSize)
    {
        var frame = WithEthernet(packet);
        Output(frame, gsoSize, Segments.Count(frame, gsoSize));
    }

    /// <summary>Sends a packet of any protocol from here, with the source that routing gives it.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="protocol">The number of the protocol.</param>
    /// <param name="payload">What lies behind the network header, complete.</param>
    /// <returns>False when no route leads there.</returns>
    public bool SendPayload(IpAddr destination, byte protocol, ReadOnlySpan<byte> payload)
    {
        var source = SourceFor(destination);
        if (source.IsNone)
            return false;
        Output(FrameWriter.Raw(source, destination, protocol, payload));
        return true;
    }

    /// <summary>The source that a packet to an address gets, or <see cref="IpAddr.None"/> where no route leads.</summary>
    public IpAddr SourceFor(IpAddr destination) =>
        IsLocal(destination) ? destination : Routes.Find(destination) is { } route ? SourceOf(route, destination) : IpAddr.None;

    /// <inheritdoc/>
    public BpfRoutingResult Lookup(ref BpfRoutingQuery query) => new Forwarding(this).Answer(ref query);

    /// <inheritdoc/>
    public override string ToString() => Name;

    internal VirtualNamespace? NamespaceOrNull(int id) => _numbered.GetValueOrDefault(id);

    internal void Forget(VirtualNamespace other)
    {
        foreach (var (id, _) in _numbered.Where(entry => ReferenceEquals(entry.Value, other)).ToArray())
            _numbered.Remove(id);
    }

    internal void AddLocal(IpAddr address, VirtualInterface device)
    {
        if (!_local.TryGetValue(address, out var devices))
            _local[address] = devices = [];
        devices.Add(device);
    }

    /// <summary>A packet from a device, behind the programs.</summary>
    internal void Input(VirtualInterface device, Frame frame)
    {
        var bytes = frame.Packet.Bytes;
        if (IpPacket.TypeOf(bytes) == IpPacket.ArpType)
        {
            AddressResolution.HandleArp(device, bytes);
            Node.Fabric.GiveBack(frame);
            return;
        }
        if (!IpPacket.TryRead(bytes, out var ip))
            Node.Fabric.Drop(frame, device, DropCause.Malformed);
        else if (frame.Packet.PacketType == 3)
            Node.Fabric.Drop(frame, device, DropCause.OtherHost);
        else if (IsLocal(ip.Destination) || IsOwnGroup(ip.Destination))
            _delivery.Deliver(device, frame, ip);
        else
            new Forwarding(this).Forward(device, frame, ip);
    }

    /// <summary>Sends a packet that was made here. The Ethernet addresses are filled in on the way.</summary>
    internal void Output(ReadOnlySpan<byte> bytes, int gsoSize = 0, int gsoSegments = 0)
    {
        var frame = Node.Fabric.Take(bytes);
        frame.Packet.PacketType = 0;
        (frame.Packet.GsoSize, frame.Packet.GsoSegments) = (gsoSize, gsoSegments);
        if (!IpPacket.TryRead(frame.Packet.Bytes, out var ip))
            Node.Fabric.Drop(frame, Loopback, DropCause.Malformed);
        else if (IsLocal(ip.Destination))
            SendBy(Loopback, frame, new VirtualRoute { Destination = Prefix.Of(ip.Destination), Interface = Loopback }, ip.Destination);
        else if (Routes.Find(ip.Destination) is { } route)
            SendBy(Loopback, frame, route, ip.Destination);
        else
            Refuse(Loopback, frame, DropCause.NoRoute);
    }

    /// <summary>
    /// Sends what a socket made. What does not fit the way leaves in fragments, IPv4 as from a socket that discovers the way's MTU (IP_PMTUDISC_WANT).
    /// </summary>
    internal void OutputOfSocket(byte[] frame, IpAddr destination)
    {
        var fitting = IsLocal(destination) ? Loopback.Mtu : Routes.Find(destination)?.FittingBytes ?? int.MaxValue;
        if (frame.Length - IpPacket.EthernetBytes <= fitting)
            Output(frame);
        else if (destination.IsIPv4)
        {
            Fragmentation.Allow(frame, (ushort)++_lastPacketId);
            Output(frame);
        }
        else
        {
            // What cannot be cut either is refused on its way.
            var fragments = Fragmentation6.Cut(frame, fitting, ++_lastPacketId);
            foreach (var fragment in fragments.Count == 0 ? [frame] : fragments)
                Output(fragment);
        }
    }

    /// <summary>Sends a routed packet to its next hop, in fragments where it is too long and may be cut.</summary>
    internal void SendBy(VirtualInterface from, Frame frame, VirtualRoute route, IpAddr destination)
    {
        var hop = route.Gateway.IsNone ? destination : route.Gateway;
        if (frame.Packet.SegmentBytes <= route.FittingBytes)
        {
            Neighbours.Resolve(route.Interface, frame, hop);
            return;
        }
        var fragments = frame.Packet.GsoSize == 0 ? Fragmentation.Cut(frame.Packet.Bytes, route.FittingBytes) : [];
        if (fragments.Count == 0)
        {
            new Forwarding(this).RefuseTooBig(from, frame, route.FittingBytes);
            return;
        }
        foreach (var fragment in fragments)
            Neighbours.Resolve(route.Interface, Node.Fabric.Derive(frame, fragment), hop);
        Node.Fabric.GiveBack(frame);
    }

    /// <summary>
    /// Out of a device, to the neighbour that the program named or else routing finds there (<c>bpf_redirect_neigh</c>; Linux 6.18 net/core/filter.c:
    /// an IPv4 packet goes to a neighbour of either family, an IPv6 one to one of its own).
    /// </summary>
    internal void SendToNeighbour(VirtualInterface from, Frame frame, VirtualInterface device, BpfNextHop? named)
    {
        if (!IpPacket.TryRead(frame.Packet.Bytes, out var ip))
            Node.Fabric.Drop(frame, from, DropCause.Malformed);
        else if (named is { } hop)
        {
            if (hop.Family == BpfNextHop.IPv6 || (hop.Family == BpfNextHop.IPv4 && ip.Destination.IsIPv4))
                Neighbours.Resolve(device, frame, hop.Family == BpfNextHop.IPv4 ? IpAddr.FromIPv4((uint)hop.Address) : IpAddr.FromValue(hop.Address));
            else
                Node.Fabric.Drop(frame, from, DropCause.RedirectRefused);
        }
        else if (Routes.Find(ip.Destination) is not { } route)
            Node.Fabric.Drop(frame, from, DropCause.NoRoute);
        else
            Neighbours.Resolve(device, frame, route.Gateway.IsNone || !ReferenceEquals(route.Interface, device) ? ip.Destination : route.Gateway);
    }

    /// <summary>Ends a packet and lets its sender know.</summary>
    internal void Refuse(VirtualInterface device, Frame frame, DropCause cause)
    {
        Node.Fabric.Tell(cause, device, frame);
        IcmpErrors.Unreachable(this, frame.Packet.Bytes, isRoute: cause == DropCause.NoRoute);
        Node.Fabric.GiveBack(frame);
    }

    internal IpAddr SourceOf(VirtualRoute route, IpAddr destination) =>
        route.Source.IsNone || route.Source.IsIPv4 != destination.IsIPv4 ? SourceOn(route.Interface, route.Gateway.IsNone ? destination : route.Gateway) : route.Source;

    /// <summary>The address to speak from on a device: one in the other's network, or the first of the family; else any of the namespace.</summary>
    internal IpAddr SourceOn(VirtualInterface device, IpAddr other)
    {
        for (var i = 0; i < device.Networks.Count; i++)
        {
            if (device.Networks[i].Contains(other))
                return device.Addresses[i];
        }
        foreach (var address in device.Addresses)
        {
            if (address.IsIPv4 == other.IsIPv4)
                return address;
        }
        return _interfaces.Values.Where(candidate => !ReferenceEquals(candidate, Loopback)).OrderBy(candidate => candidate.Index)
            .SelectMany(candidate => candidate.Addresses).FirstOrDefault(address => address.IsIPv4 == other.IsIPv4);
    }

    private static byte[] WithEthernet(ReadOnlySpan<byte> packet)
    {
        var frame = new byte[IpPacket.EthernetBytes + packet.Length];
        packet.CopyTo(frame.AsSpan(IpPacket.EthernetBytes));
        (frame[12], frame[13]) = packet.Length > 0 && packet[0] >> 4 == 6 ? ((byte)0x86, (byte)0xDD) : ((byte)0x08, (byte)0x00);
        if (!IpPacket.TryRead(frame, out _))
            throw new ArgumentException("the bytes are no whole IPv4 or IPv6 packet", nameof(packet));
        return frame;
    }

    private T Add<T>(Func<uint, T> make)
        where T : VirtualInterface
    {
        var device = make(_nextIndex);
        _interfaces[device.Index] = device;
        while (_interfaces.ContainsKey(_nextIndex))
            _nextIndex++;
        return device;
    }

    private bool IsOwnGroup(IpAddr address) => address.Hi == 0xFF02_0000_0000_0000 && address.Lo >> 24 == 0x1FF
        && _local.Keys.Any(own => !own.IsIPv4 && AddressResolution.SolicitedGroup(own) == address);
}

/// <summary>Takes a packet for a namespace; false to leave it to the stack.</summary>
public delegate bool LocalSink(VirtualInterface device, ReadOnlySpan<byte> frame);
