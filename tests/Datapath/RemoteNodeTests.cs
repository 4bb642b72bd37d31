using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>Pods that ask other nodes by the nodes' addresses: in tunnel mode they do so as their own node, which any network carries.</summary>
public sealed class RemoteNodeTests
{
    private const ushort Port = 40000;

    [Theory]
    [InlineData(4, Frame.Tcp), InlineData(6, Frame.Tcp), InlineData(4, Frame.Udp), InlineData(6, Frame.Udp), InlineData(4, Frame.Icmp), InlineData(6, Frame.Icmp)]
    public void A_pod_of_a_tunnel_asks_another_node_as_its_own_node(int family, byte protocol)
    {
        using var node = Tunnelled(family, EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA);
        foreach (var identity in new[] { Node.RemoteNode, 7u })
        {
            node.Know(node.Peer, identity);
            var request = node.FromA(Request(node.A, node.Peer));
            request.WentTo(TracePoint.ToStack, Outcome.Pass);
            Assert.Equal(identity, request.Trace!.Header.DestinationIdentity);
            var left = node.Bench.Run("cil_to_netdev", request.Packet);
            Assert.Equal((Outcome.Pass, node.Self, node.Peer), (left.Verdict, Frame.Source(left.Packet), Frame.Destination(left.Packet)));
            Assert.True(Frame.IsSound(left.Packet));

            var answer = node.Bench.Run("cil_from_netdev", Answer(node.Peer, node.Self), ingress: Bench.Device);
            answer.WentTo(TracePoint.ToEndpoint);
            Assert.Equal((TraceReason.Reply, identity), (answer.Trace!.Header.TraceReason, answer.Trace.Header.SourceIdentity));
            Assert.Equal((node.Peer, node.A), (Frame.Source(answer.Packet), Frame.Destination(answer.Packet)));
            Assert.True(Frame.IsSound(answer.Packet));
            node.Bench.Map<CtTuple, CtEntry>("cilium_ct").DeleteBatch([.. node.Connections().Keys]);
        }

        byte[] Request(string from, string to) => protocol switch
        {
            Frame.Tcp => Frame.TcpSegment(from, to, Port, 6443, Frame.Syn),
            Frame.Udp => Frame.UdpDatagram(from, to, Port, 6443),
            _ => Frame.Echo(from, to, Port),
        };

        byte[] Answer(string from, string to) => protocol switch
        {
            Frame.Tcp => Frame.TcpSegment(from, to, 6443, Port, Frame.Syn | Frame.Ack),
            Frame.Udp => Frame.UdpDatagram(from, to, 6443, Port),
            _ => Frame.Echo(from, to, Port, reply: true),
        };
    }

    [Theory, InlineData(4), InlineData(6)]
    public void The_other_node_takes_it_as_what_a_node_sends(int family)
    {
        using var node = Tunnelled(family, EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA, Node.Allow(PolicyDirection.Ingress, Node.RemoteNode));
        var host = node.Bench.Run("cil_from_netdev", Frame.TcpSegment(node.Peer, node.Self, Port, 6443, Frame.Syn), ingress: Bench.Device);
        Assert.Equal((Outcome.Pass, node.Self), (host.Verdict, Frame.Destination(host.Packet)));
        // Its answer leaves as it is.
        var answer = node.Bench.Run("cil_to_netdev", Frame.TcpSegment(node.Self, node.Peer, 6443, Port, Frame.Syn | Frame.Ack));
        Assert.Equal((Outcome.Pass, node.Self, (ushort)6443), (answer.Verdict, Frame.Source(answer.Packet), Frame.SourcePort(answer.Packet)));
        // A node port there: the backend's policy is asked about a node.
        node.AddService(node.Self, 30080, Frame.Tcp, FrontendFlags.NodePort | FrontendFlags.Routable, (node.A, 8080));
        var pod = node.Bench.Run("cil_from_netdev", Frame.TcpSegment(node.Peer, node.Self, Port, 30080, Frame.Syn), ingress: Bench.Device);
        pod.WentTo(TracePoint.ToEndpoint);
        Assert.Equal(Node.RemoteNode, pod.Events[^1].Header.SourceIdentity);
        var reply = node.FromA(Frame.TcpSegment(node.A, node.Peer, 8080, Port, Frame.Syn | Frame.Ack)).Packet;
        Assert.Equal((node.Self, (ushort)30080), (Frame.Source(reply), Frame.SourcePort(reply)));
        Assert.Equal((node.Self, (ushort)30080), Sender(node.Bench.Run("cil_to_netdev", reply)));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_pod_keeps_its_address_where_the_network_knows_it(int family)
    {
        using (var native = Node.WithEverything(family, constants: obj => obj.TrySetConstant("enable_tunnel", [0])))
            Assert.Equal((native.A, Port), Sender(Leave(native)));
        using (var skipping = Tunnelled(family, EndpointFlags.SkipMasqueradeIpv4 | EndpointFlags.SkipMasqueradeIpv6))
            Assert.Equal((skipping.A, Port), Sender(Leave(skipping)));
        using (var range = Node.WithEverything(family, constants: obj =>
        {
            _ = obj.TrySetConstant("native_ipv4_cidr", Bytes("192.168.0.0"));
            _ = obj.TrySetConstant("native_ipv4_prefix", [120, 0, 0, 0]);
            _ = obj.TrySetConstant("native_ipv6_cidr", Bytes("fd77::"));
            _ = obj.TrySetConstant("native_ipv6_prefix", [64, 0, 0, 0]);
        }))
            Assert.Equal((range.A, Port), Sender(Leave(range)));
        using var node = Tunnelled(family);
        node.Bench.Map<IpcacheKey, IpcacheValue>("cilium_ipcache").Update(
            new IpcacheKey(128, Bench.Address(node.Peer)), new IpcacheValue(Node.RemoteNode, IpcacheFlags.SkipTunnel, default));
        Assert.Equal((node.A, Port), Sender(Leave(node)));

        static byte[] Bytes(string text)
        {
            var bytes = new byte[16];
            Bench.Address(text).Write(bytes);
            return bytes;
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void What_answers_another_node_keeps_the_address_it_was_asked_by(int family)
    {
        using var node = Tunnelled(family);
        node.Bench.Run("cil_from_netdev", Frame.UdpDatagram(node.Peer, node.A, Port, 53), ingress: Bench.Device).WentTo(TracePoint.ToEndpoint);
        node.Bench.Run("cil_from_netdev", Frame.UdpDatagram(node.World, node.A, Port, 53), ingress: Bench.Device).WentTo(TracePoint.ToEndpoint);
        foreach (var peer in new[] { node.Peer, node.World })
        {
            Assert.Equal((node.A, (ushort)53), Sender(node.Bench.Run("cil_to_netdev", Frame.UdpDatagram(node.A, peer, 53, Port))));
            var error = node.Bench.Run("cil_to_netdev", Frame.Unreachable(node.A, peer, Frame.UdpDatagram(peer, node.A, Port, 53)));
            Assert.Equal((Outcome.Pass, node.A), (error.Verdict, Frame.Source(error.Packet)));
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Errors_find_both_ends(int family)
    {
        using var node = Tunnelled(family, EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA);
        var sent = Frame.UdpDatagram(node.A, node.Peer, 1000, 53);
        node.FromA(sent).WentTo(TracePoint.ToStack, Outcome.Pass);
        var outside = node.Bench.Run("cil_to_netdev", sent).Packet;
        Assert.InRange(Frame.SourcePort(outside), 32768, 65535);
        var error = node.Bench.Run("cil_from_netdev", Frame.Unreachable(node.Peer, node.Self, outside), ingress: Bench.Device);
        error.WentTo(TracePoint.ToEndpoint);
        Assert.Equal((node.Peer, node.A), (Frame.Source(error.Packet), Frame.Destination(error.Packet)));
        Assert.True(Frame.IsSound(error.Packet));
        Assert.Equal((node.A, (ushort)1000), Sender(Frame.Quoted(error.Packet)));

        var answer = Frame.UdpDatagram(node.Peer, node.A, 53, 1000);
        node.Bench.Run("cil_from_netdev", Frame.UdpDatagram(node.Peer, node.Self, 53, Frame.SourcePort(outside)), ingress: Bench.Device).WentTo(TracePoint.ToEndpoint);
        var refused = node.Bench.Run("cil_to_netdev", Frame.Unreachable(node.A, node.Peer, answer));
        Assert.Equal((Outcome.Pass, node.Self), (refused.Verdict, Frame.Source(refused.Packet)));
        Assert.True(Frame.IsSound(refused.Packet));
        var quoted = Frame.Quoted(refused.Packet);
        Assert.Equal((node.Self, Frame.SourcePort(outside)), (Frame.Destination(quoted), Frame.DestinationPort(quoted)));
    }

    [Fact]
    public void What_has_no_ports_to_choose_passes_as_before()
    {
        using var node = Tunnelled(4);
        var association = new byte[16];
        association[0] = 0x9C;
        var left = node.Bench.Run("cil_to_netdev", Frame.Ip(node.A, node.Peer, 132, association));
        Assert.Equal((Outcome.Pass, node.A), (left.Verdict, Frame.Source(left.Packet)));
    }

    private static Node Tunnelled(int family, EndpointFlags a = 0) => Node.WithEverything(family, a);

    private static Outcome Leave(Node node)
    {
        var packet = Frame.TcpSegment(node.A, node.Peer, Port, 6443, Frame.Syn);
        node.FromA(packet).WentTo(TracePoint.ToStack, Outcome.Pass);
        return node.Bench.Run("cil_to_netdev", packet);
    }

    private static (string, ushort) Sender(Outcome outcome) => Sender(outcome.Packet);

    private static (string, ushort) Sender(byte[] packet) => (Frame.Source(packet), Frame.SourcePort(packet));
}
