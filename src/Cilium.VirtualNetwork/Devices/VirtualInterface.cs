using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Core;
using Cilium.VirtualNetwork.Devices;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork;

/// <summary>A network device: programs on both of its hooks, addresses, and a way for frames to leave by.</summary>
public abstract class VirtualInterface
{
    private const int Pass = 0;
    private const int Shot = 2;
    private const int Redirected = 7;
    private const int VlanBytes = 4;
    private const uint ForThisHost = 0;
    private const uint ForOtherHost = 3;
    private readonly List<BpfProgram> _ingress = [];
    private readonly List<BpfProgram> _egress = [];
    private BpfProgram? _xdp;
    private readonly List<Prefix> _networks = [];
    private readonly List<IpAddr> _addresses = [];

    private protected VirtualInterface(VirtualNamespace ns, string name, uint index)
    {
        Namespace = ns;
        Name = name;
        Index = index;
        Mac = new MacAddress(ns.Node.Fabric.NextMac());
    }

    /// <summary>Where it is.</summary>
    public VirtualNamespace Namespace { get; }

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>The ifindex, unique within the namespace.</summary>
    public uint Index { get; }

    /// <summary>The Ethernet address.</summary>
    public MacAddress Mac { get; set; }

    /// <summary>The longest network packet it takes, in bytes.</summary>
    public int Mtu { get; set; } = 1500;

    /// <summary>Whether frames come and go.</summary>
    public bool IsUp { get; set; } = true;

    /// <summary>Whether neighbours are not asked for (NOARP): frames to one that is not known go to the device's own Ethernet address.</summary>
    public bool IsWithoutNeighbours { get; set; }

    /// <summary>Its addresses.</summary>
    public IReadOnlyList<IpAddr> Addresses => _addresses;

    /// <summary>The networks that its addresses are in.</summary>
    public IReadOnlyList<Prefix> Networks => _networks;

    /// <summary>Frames received.</summary>
    public long Received { get; private set; }

    /// <summary>Frames sent.</summary>
    public long Sent { get; private set; }

    /// <summary>Frames that came to an end here.</summary>
    public long Dropped { get; internal set; }

    /// <summary>
    /// The XDP program on what the device receives, before all classifiers and sockets; null for none. It behaves as the kernel's generic one: on
    /// every kind of device, and what it sends or redirects passes no classifier on its way out.
    /// </summary>
    /// <exception cref="ArgumentException">It is a program of another type.</exception>
    public BpfProgram? Xdp
    {
        get => _xdp;
        set => _xdp = value is null || value.Describe().Type == ProgramType.Xdp ? value : throw new ArgumentException($"{value.Name} is no XDP program", nameof(value));
    }

    internal Fabric Fabric => Namespace.Node.Fabric;

    /// <summary>Gives it an address, and the namespace a route to the address's network.</summary>
    /// <param name="address">The address.</param>
    /// <param name="prefixLength">The network's length, in the bits of the family; null for the address alone.</param>
    public void AddAddress(IpAddr address, int? prefixLength = null)
    {
        var network = new Prefix(address, prefixLength ?? address.BitLength);
        _addresses.Add(address);
        _networks.Add(network);
        Namespace.AddLocal(address, this);
        if (!network.IsSingleAddress)
            Namespace.Routes.Add(new VirtualRoute { Destination = network, Interface = this, Source = address });
    }

    /// <summary>Puts a program on a hook, behind those that are there (as TCX does).</summary>
    public void Attach(BpfProgram program, TcDirection hook) => Programs(hook).Add(program);

    /// <summary>Takes a program off a hook; false when it was not there.</summary>
    public bool Detach(BpfProgram program, TcDirection hook) => Programs(hook).Remove(program);

    /// <summary>The programs of a hook, in their order.</summary>
    public IReadOnlyList<BpfProgram> Attached(TcDirection hook) => Programs(hook);

    /// <summary>A frame comes in from outside, as if the wire had brought it. It moves when the fabric runs.</summary>
    /// <param name="frame">The frame with its Ethernet header.</param>
    /// <exception cref="ArgumentException">It is shorter than an Ethernet header.</exception>
    public void Inject(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < IpPacket.EthernetBytes)
            throw new ArgumentException($"a frame has at least {IpPacket.EthernetBytes} bytes, not {frame.Length}", nameof(frame));
        var taken = Fabric.Take(frame);
        Classify(taken);
        Fabric.Arrive(taken, this);
    }

    /// <summary>A frame comes in that stands for several, as from a device that put them together (GRO).</summary>
    /// <param name="frame">The frame with its Ethernet header: TCP or UDP, with the length of the whole in its headers.</param>
    /// <param name="gsoSize">Bytes of payload in each of the frames but the last.</param>
    /// <exception cref="ArgumentException">It is no whole packet of TCP or UDP with payload.</exception>
    public void Inject(ReadOnlySpan<byte> frame, int gsoSize)
    {
        var segments = Segments.Count(frame, gsoSize);
        var taken = Fabric.Take(frame);
        (taken.Packet.GsoSize, taken.Packet.GsoSegments) = (gsoSize, segments);
        Classify(taken);
        Fabric.Arrive(taken, this);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Namespace.Name}/{Name}";

    /// <summary>The way out, behind the programs.</summary>
    private protected abstract void Send(Frame frame);

    /// <summary>The other end, when it is one of a pair.</summary>
    internal virtual VirtualInterface? PeerOrNull => null;

    /// <summary>What happens besides when it is removed.</summary>
    internal virtual void Removed()
    {
    }

    /// <summary>A frame was received.</summary>
    internal void Take(Frame frame)
    {
        Received++;
        var packet = frame.Packet;
        packet.Ifindex = Index;
        packet.IngressIfindex = Index;
        packet.Routing = Namespace;
        packet.Sockets = Namespace.Sockets;
        packet.ForgetControlBlock();
        Fabric.Observer?.OnFrame(FrameAction.Received, this, packet);
        if ((_xdp is null || RunXdp(frame, _xdp)) && RunPrograms(frame, TcDirection.Ingress))
            Namespace.Input(this, frame);
    }

    /// <summary>A frame is to be sent.</summary>
    internal void Give(Frame frame)
    {
        var packet = frame.Packet;
        packet.Ifindex = Index;
        packet.Routing = Namespace;
        packet.Sockets = Namespace.Sockets;
        packet.ForgetControlBlock();
        if (RunPrograms(frame, TcDirection.Egress))
            Transmit(frame);
    }

    /// <summary>What a frame forgets when a device hands it to another one (<c>skb_scrub_packet</c>, Linux 6.18 net/core/skbuff.c).</summary>
    internal static void Scrub(Frame frame, bool changesNamespace)
    {
        var packet = frame.Packet;
        packet.PacketType = ForThisHost;
        packet.IngressIfindex = 0;
        packet.Tunnel = null;
        if (changesNamespace)
            packet.Mark = 0;
    }

    /// <summary>Hands a frame over to another device, unless it is too long for it (<c>is_skb_forwardable</c>, Linux 6.18 net/core/dev.c).</summary>
    internal void CarryTo(VirtualInterface other, Frame frame)
    {
        if (frame.Packet.GsoSize == 0 && frame.Packet.Length > other.Mtu + IpPacket.EthernetBytes + VlanBytes)
            Fabric.Drop(frame, other, DropCause.TooBig);
        else
            HandTo(other, frame);
    }

    /// <summary>Hands a frame over to another device, which receives it (<c>dev_forward_skb_nomtu</c>).</summary>
    internal void HandTo(VirtualInterface other, Frame frame)
    {
        Scrub(frame, !ReferenceEquals(other.Namespace, Namespace));
        frame.Packet.Priority = 0;
        other.Classify(frame);
        Fabric.Arrive(frame, other);
    }

    /// <summary>Says for whom the frame is (<c>eth_type_trans</c>).</summary>
    internal void Classify(Frame frame)
    {
        var to = frame.Packet.Bytes[..6];
        frame.Packet.PacketType = (to[0] & 1) != 0
            ? to.ContainsAnyExcept((byte)0xFF) ? 2u : 1u
            : MacAddress.FromBytes(to) == Mac ? ForThisHost : ForOtherHost;
    }

    private void Transmit(Frame frame)
    {
        Sent++;
        Fabric.Observer?.OnFrame(FrameAction.Sent, this, frame.Packet);
        Send(frame);
    }

    /// <summary>Runs the XDP program; false when the frame went another way.</summary>
    private bool RunXdp(Frame frame, BpfProgram program)
    {
        var packet = frame.Packet;
        var observer = Fabric.Observer;
        observer?.BeforeXdp(this, program, packet);
        var verdict = Fabric.Run(program, packet);
        observer?.AfterXdp(this, program, packet, verdict);
        switch ((XdpVerdict)verdict)
        {
            case XdpVerdict.Pass:
                Classify(frame);
                return true;
            case XdpVerdict.Send:
                Transmit(frame);
                return false;
            case XdpVerdict.Redirect:
                RedirectXdp(frame, packet.Redirect);
                return false;
            case XdpVerdict.Aborted or XdpVerdict.Drop:
            default:
                Fabric.Drop(frame, this, DropCause.Program);
                return false;
        }
    }

    /// <summary>Straight out of a device (<c>xdp_do_generic_redirect</c>, Linux 6.18 net/core/filter.c): nobody is told what does not fit.</summary>
    private void RedirectXdp(Frame frame, BpfRedirect redirect)
    {
        if (redirect.Kind != RedirectKind.Egress || Namespace.InterfaceOrNull(redirect.Ifindex) is not { } target)
            Fabric.Drop(frame, this, DropCause.RedirectRefused);
        else if (!target.IsUp)
            Fabric.Drop(frame, target, DropCause.DeviceDown);
        else if (frame.Packet.Length > target.Mtu + IpPacket.EthernetBytes + VlanBytes)
            Fabric.Drop(frame, target, DropCause.TooBig);
        else
            target.Transmit(frame);
    }

    private List<BpfProgram> Programs(TcDirection hook) => hook == TcDirection.Ingress ? _ingress : _egress;

    /// <summary>Runs a hook's programs; false when the frame went another way.</summary>
    private bool RunPrograms(Frame frame, TcDirection hook)
    {
        var programs = Programs(hook);
        for (var i = 0; i < programs.Count; i++)
        {
            var observer = Fabric.Observer;
            observer?.BeforeProgram(this, hook, programs[i], frame.Packet);
            var verdict = Fabric.Run(programs[i], frame.Packet);
            observer?.AfterProgram(this, hook, programs[i], frame.Packet, verdict);
            switch (verdict)
            {
                case Pass:
                    return true;
                case Shot:
                    Fabric.Drop(frame, this, DropCause.Program);
                    return false;
                case Redirected:
                    Redirect(frame, hook);
                    return false;
                default:
                    continue;
            }
        }
        return true;
    }

    private void Redirect(Frame frame, TcDirection hook)
    {
        var redirect = frame.Packet.Redirect;
        var (kind, ifindex) = redirect;
        var target = Namespace.InterfaceOrNull(ifindex);
        switch (kind)
        {
            case RedirectKind.Egress when target is not null:
                Fabric.Leave(frame, target);
                break;
            case RedirectKind.Ingress when target is not null:
                HandTo(target, frame);
                break;
            case RedirectKind.Peer when hook == TcDirection.Ingress && target?.PeerOrNull is { } peer && !ReferenceEquals(peer.Namespace, Namespace):
                // Into the other namespace without a visit of the device: the mark stays, unlike on every other way there.
                Scrub(frame, changesNamespace: false);
                Fabric.Arrive(frame, peer);
                break;
            case RedirectKind.Neighbour when target is not null:
                Namespace.SendToNeighbour(this, frame, target, redirect.NextHop);
                break;
            default:
                Fabric.Drop(frame, this, DropCause.RedirectRefused);
                break;
        }
    }
}
