using System.Net;
using Cilium.Bpf.InProcess;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>Tunnel metadata and redirects, which only this engine shows: on the kernel tests/Datapath tries them with real devices.</summary>
public sealed class TunnelHookTests
{
    [Fact]
    public void The_VNI_is_the_identity_of_the_sender()
    {
        using var node = Node.WithEverything(4);
        using var packet = Load(Frame.UdpDatagram(node.C, node.A, 1000, 2000));
        packet.Tunnel = new BpfTunnelKey(Node.IdentityC, IPAddress.Parse("192.168.0.2"));
        Assert.Equal(Outcome.Redirect, node.Bench.Program("cil_from_overlay").Run(packet));
        Assert.Equal(new BpfRedirect(RedirectKind.Peer, Bench.Device), packet.Redirect);
        Assert.Equal(Node.IdentityC, node.OnlyConnection().Value.SourceIdentity);
    }

    [Theory, InlineData(0u), InlineData(1u)]
    public void An_identity_that_no_node_may_claim_is_dropped(uint identity)
    {
        using var node = Node.WithEverything(4);
        using var packet = Load(Frame.UdpDatagram(node.C, node.A, 1000, 2000));
        packet.Tunnel = new BpfTunnelKey(identity, IPAddress.Parse("192.168.0.2"));
        Assert.Equal(Outcome.Shot, node.Bench.Program("cil_from_overlay").Run(packet));
        Assert.Equal(1UL, node.Bench.Dropped(DropReason.InvalidIdentity));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void What_a_pod_sends_to_another_node_carries_its_identity_and_the_address_of_the_node(int family)
    {
        using var node = new Node(family);
        using var packet = Load(Frame.UdpDatagram(node.A, node.C, 1000, 2000));
        Assert.Equal(Outcome.Redirect, node.Bench.Program("cil_from_container").Run(packet));
        Assert.Equal(new BpfTunnelKey(Node.IdentityA, IPAddress.Parse("192.168.0.2"), Ttl: 64), packet.Tunnel);
        Assert.Equal((new BpfRedirect(RedirectKind.Egress, 77), 0x0400u), (packet.Redirect, packet.Mark));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void What_a_backend_on_another_node_answers_returns_to_the_client(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService(node.Vip, 80, Frame.Tcp, FrontendFlags.LoadBalancer | FrontendFlags.Routable, (node.C, 8080));
        using var request = Load(Frame.TcpSegment(node.World, node.Vip, 50000, 80, Frame.Syn));
        Assert.Equal(Outcome.Redirect, node.Bench.Program("cil_from_netdev").Run(request));
        Assert.Equal(new BpfTunnelKey(2, IPAddress.Parse("192.168.0.2"), Ttl: 64), request.Tunnel);
        var port = Frame.SourcePort(request.Bytes);
        using var answer = Load(Frame.TcpSegment(node.C, node.Router, 8080, port, Frame.Syn | Frame.Ack));
        answer.Tunnel = new BpfTunnelKey(Node.IdentityC, IPAddress.Parse("192.168.0.2"));
        Assert.Equal(Outcome.Pass, node.Bench.Program("cil_from_overlay").Run(answer));
        var packet = answer.Bytes.ToArray();
        Assert.Equal((node.Vip, node.World, (ushort)80, (ushort)50000), (Frame.Source(packet), Frame.Destination(packet), Frame.SourcePort(packet), Frame.DestinationPort(packet)));
        Assert.True(Frame.IsSound(packet));

        // Whatever else the gateway gets is the node's.
        using var other = Load(Frame.TcpSegment(node.C, node.Router, 8080, (ushort)(port ^ 1), Frame.Syn | Frame.Ack));
        other.Tunnel = new BpfTunnelKey(Node.IdentityC, IPAddress.Parse("192.168.0.2"));
        Assert.Equal(Outcome.Pass, node.Bench.Program("cil_from_overlay").Run(other));
        Assert.Equal(node.Router, Frame.Destination(other.Bytes));
    }

    [Theory, InlineData(4, 0x01000001u), InlineData(6, 0x01000006u), InlineData(4, 0x01000100u)]
    public void A_client_whom_only_this_node_knows_by_a_number_is_the_world_to_others(int family, uint identity)
    {
        using var node = Node.WithEverything(family);
        node.Know(node.World, identity);
        node.AddService(node.Vip, 80, Frame.Tcp, FrontendFlags.LoadBalancer | FrontendFlags.Routable, (node.C, 8080));
        using var request = Load(Frame.TcpSegment(node.World, node.Vip, 50000, 80, Frame.Syn));
        Assert.Equal(Outcome.Redirect, node.Bench.Program("cil_from_netdev").Run(request));
        Assert.Equal(2u, request.Tunnel!.Id);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void What_the_node_sent_by_another_port_than_its_sockets_returns_to_the_socket(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService(node.Vip, 80, Frame.Tcp, FrontendFlags.LoadBalancer | FrontendFlags.Routable, (node.C, 8080));
        using var client = Load(Frame.TcpSegment(node.World, node.Vip, 50000, 80, Frame.Syn));
        Assert.Equal(Outcome.Redirect, node.Bench.Program("cil_from_netdev").Run(client));
        Assert.Equal((node.Router, (ushort)50000), (Frame.Source(client.Bytes), Frame.SourcePort(client.Bytes)));
        using var own = Load(Frame.TcpSegment(node.Router, node.C, 50000, 8080, Frame.Syn));
        Assert.Equal(Outcome.Redirect, node.Bench.Program("cil_from_host").Run(own));
        var port = Frame.SourcePort(own.Bytes);
        Assert.NotEqual(50000, port);
        foreach (var (to, receiver, toPort) in new[] { (port, node.Router, (ushort)50000), ((ushort)50000, node.World, (ushort)50000) })
        {
            using var answer = Load(Frame.TcpSegment(node.C, node.Router, 8080, to, Frame.Syn | Frame.Ack));
            answer.Tunnel = new BpfTunnelKey(Node.IdentityC, IPAddress.Parse("192.168.0.2"));
            Assert.Equal(Outcome.Pass, node.Bench.Program("cil_from_overlay").Run(answer));
            Assert.Equal((receiver, toPort), (Frame.Destination(answer.Bytes), Frame.DestinationPort(answer.Bytes)));
            Assert.True(Frame.IsSound(answer.Bytes.ToArray()));
        }
    }

    [Fact]
    public void A_local_sender_with_an_unfinished_checksum_is_translated_right()
    {
        using var node = new Node(4);
        node.AddService((node.B, 8080));
        var whole = Frame.TcpSegment(node.A, node.Vip, 40000, 80, Frame.Syn);
        var translated = node.FromA(whole).Packet;
        // Only the pseudo header's sum is in the field; the device adds the rest.
        using var packet = Load(whole);
        var partial = (byte[])whole.Clone();
        WritePseudoSum(partial);
        packet.Load(partial);
        packet.Ifindex = Bench.Device;
        packet.HasPartialChecksum = true;
        Assert.Equal(Outcome.Redirect, node.Bench.Program("cil_from_container").Run(packet));
        var expected = (byte[])translated.Clone();
        WritePseudoSum(expected);
        Assert.Equal(expected[50..52], packet.Bytes[50..52].ToArray());
    }

    private static void WritePseudoSum(byte[] frame)
    {
        var sum = 6u + (uint)(frame.Length - 34);
        for (var i = 26; i < 34; i += 2)
            sum += (uint)((frame[i] << 8) | frame[i + 1]);
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        (frame[50], frame[51]) = ((byte)(sum >> 8), (byte)sum);
    }

    private static BpfPacket Load(byte[] frame)
    {
        var packet = new BpfPacket();
        packet.Load(frame);
        packet.Ifindex = Bench.Device;
        return packet;
    }
}
