using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Cilium.Bpf;
using Cilium.Datapath.Maps;
using Cilium.Netlink;

namespace Cilium.DatapathTests;

/// <summary>The tunnel device with real encapsulated packets: tunnel keys exist only there.</summary>
public sealed class OverlayTests : IDisposable
{
    private static int s_count;

    private readonly string _hostName = $"cd-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}h";
    private readonly string _podName = $"cd-{Environment.ProcessId}-{s_count}p";
    private readonly NetworkNamespace _host;
    private readonly NetworkNamespace _pod;
    private readonly List<BpfLink> _links = [];
    private readonly int _tunnel;
    private readonly int _device;

    public OverlayTests()
    {
        _host = NetworkNamespace.Create(_hostName);
        _pod = NetworkNamespace.Create(_podName);
        using var netlink = RouteNetlink.Open(_host);
        netlink.ChangeLink(1, new LinkSettings { IsUp = true });
        netlink.CreateVxlan(new LinkSettings { Name = "vx0", IsUp = true }, 8472);
        netlink.CreateVeth(
            new LinkSettings { Name = "lxc0", Mac = new PhysicalAddress(Frame.HostMac), IsUp = true },
            new LinkSettings { Name = "eth0", Mac = new PhysicalAddress(Frame.PodMac), Namespace = _pod });
        _tunnel = netlink.FindLink("vx0")!.Index;
        _device = netlink.FindLink("lxc0")!.Index;
        using var pod = RouteNetlink.Open(_pod);
        var eth0 = pod.FindLink("eth0")!.Index;
        pod.ChangeLink(eth0, new LinkSettings { IsUp = true });
        pod.AddAddress(new InterfaceAddress(eth0, IPAddress.Parse("10.0.0.10"), 8));
    }

    [Fact]
    public void The_VNI_is_the_identity_of_the_sender_and_the_pod_receives()
    {
        using var node = Attach();
        using var receiver = _pod.Run(() => Receiver("10.0.0.10", 2000));
        Send(Vxlan(Node.IdentityC, Frame.UdpDatagram(node.C, node.A, 1000, 2000)));
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal(4, receiver.ReceiveFrom(new byte[16], ref from));
        Assert.Equal(new IPEndPoint(IPAddress.Parse(node.C), 1000), from);
        var trace = node.Bench.Await(e => e.Header.Type == EventType.Trace)!;
        Assert.Equal((TracePoint.ToEndpoint, Node.IdentityC, Node.IdentityA), (trace.Point, trace.Header.SourceIdentity, trace.Header.DestinationIdentity));
        Assert.True(node.OnlyConnection().Value.Flags.HasFlag(CtFlags.FromTunnel));
    }

    [Fact]
    public void Ingress_policy_knows_the_remote_identity()
    {
        using var node = Attach(EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA, Node.Allow(PolicyDirection.Ingress, Node.IdentityC, Frame.Udp, 2000));
        using var receiver = _pod.Run(() => Receiver("10.0.0.10", 2000));
        Send(Vxlan(4444, Frame.UdpDatagram(node.C, node.A, 1000, 2000)));
        var drop = node.Bench.Await(e => e.Header.Type == EventType.Drop)!;
        Assert.Equal((DropReason.Policy, 4444u), (drop.Reason, drop.Header.SourceIdentity));
        Send(Vxlan(Node.IdentityC, Frame.UdpDatagram(node.C, node.A, 1000, 2000)));
        Assert.Equal(4, receiver.Receive(new byte[16]));
    }

    [Theory, InlineData(0u), InlineData(1u)]
    public void An_identity_that_no_node_may_claim_is_dropped(uint identity)
    {
        using var node = Attach();
        Send(Vxlan(identity, Frame.UdpDatagram(node.C, node.A, 1000, 2000)));
        Assert.Equal(DropReason.InvalidIdentity, node.Bench.Await(e => e.Header.Type == EventType.Drop)!.Reason);
    }

    [Fact]
    public void A_pod_that_is_not_here_is_unroutable()
    {
        using var node = Attach();
        Send(Vxlan(Node.IdentityC, Frame.UdpDatagram(node.C, "10.0.0.77", 1000, 2000)));
        Assert.Equal(DropReason.Unroutable, node.Bench.Await(e => e.Header.Type == EventType.Drop)!.Reason);
    }

    [Fact]
    public void What_a_pod_sends_to_another_node_carries_its_identity_in_the_VNI()
    {
        using var node = Attach();
        // The other node is this one: the packet comes back by the tunnel and is for nobody here.
        node.Know(node.C, Node.IdentityC, "127.0.0.1");
        using var sender = _pod.Run(() => Receiver("10.0.0.10", 1000));
        using (var pod = RouteNetlink.Open(_pod))
            pod.ReplaceNeighbour(new Neighbour(pod.FindLink("eth0")!.Index, IPAddress.Parse(node.C), new PhysicalAddress(Frame.HostMac)));
        sender.SendTo([1, 2, 3, 4], new IPEndPoint(IPAddress.Parse(node.C), 2000));
        var drop = node.Bench.Await(e => e.Header.Type == EventType.Drop)!;
        Assert.Equal((DropReason.Unroutable, Node.IdentityA), (drop.Reason, drop.Header.SourceIdentity));
        Assert.Equal((node.A, node.C), (Frame.Source(drop.Captured), Frame.Destination(drop.Captured)));
    }

    public void Dispose()
    {
        foreach (var link in _links)
            link.Dispose();
        _host.Dispose();
        _pod.Dispose();
        NetworkNamespace.Delete(_hostName);
        NetworkNamespace.Delete(_podName);
    }

    private static byte[] Vxlan(uint vni, byte[] inner)
    {
        var packet = new byte[8 + inner.Length];
        packet[0] = 8;
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(4), vni << 8);
        inner.CopyTo(packet, 8);
        return packet;
    }

    private static Socket Receiver(string address, int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 20_000 };
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
        return socket;
    }

    private Node Attach(EndpointFlags enforcement = EndpointFlags.None)
    {
        var node = new Node(4, enforcement, constants: obj => obj.SetConstant("overlay_ifindex", (uint)_tunnel), objects: ["lxc", "overlay"]);
        var lxc = node.Bench.Map<Addr128, EndpointRow>("cilium_lxc");
        Assert.True(lxc.TryLookup(Bench.Address(node.A), out var row));
        row = row with { Ifindex = (uint)_device };
        lxc.Update(Bench.Address(node.A), row);
        node.Bench.Map<uint, EndpointRow>("cilium_devices").Update((uint)_device, row);
        _host.Run(() =>
        {
            _links.Add(BpfLink.AttachTcx(node.Bench.Program("cil_from_overlay"), _tunnel, TcDirection.Ingress));
            _links.Add(BpfLink.AttachTcx(node.Bench.Program("cil_to_overlay"), _tunnel, TcDirection.Egress));
            _links.Add(BpfLink.AttachTcx(node.Bench.Program("cil_from_container"), _device, TcDirection.Ingress));
            _links.Add(BpfLink.AttachTcx(node.Bench.Program("cil_to_container"), _device, TcDirection.Egress));
        });
        return node;
    }

    private void Send(byte[] datagram) => _host.Run(() =>
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.SendTo(datagram, new IPEndPoint(IPAddress.Loopback, 8472));
    });
}
