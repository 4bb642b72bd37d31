using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>Ports by which pods and clients outside speak as the node, beside those of the node's own sockets.</summary>
public sealed class PortChoiceTests
{
    private const ushort Port = 40000;

    [Theory, InlineData(4), InlineData(6)]
    public void A_pod_does_not_get_the_port_of_a_connection_of_the_node(int family)
    {
        using var node = Node.WithEverything(family);
        using var sockets = TestSockets.OfNode(node);
        sockets.Connect(node.Self, Port, node.World, 80);
        sockets.Connect(node.Self, Port, node.Peer, 80);
        foreach (var peer in new[] { node.World, node.Peer })
        {
            var pod = sockets.Run("cil_to_netdev", Frame.TcpSegment(node.A, peer, Port, 80, Frame.Syn)).Packet;
            Assert.Equal(node.Self, Frame.Source(pod));
            Assert.NotEqual(Port, Frame.SourcePort(pod));
            Assert.True(Frame.IsSound(pod));
            var back = sockets.Run("cil_from_netdev", Frame.TcpSegment(peer, node.Self, 80, Port, Frame.Ack)).Packet;
            Assert.Equal((node.Self, Port), (Frame.Destination(back), Frame.DestinationPort(back)));
            // Towards another port of the same peer it is free.
            Assert.Equal(Port, Frame.SourcePort(sockets.Run("cil_to_netdev", Frame.TcpSegment(node.A, peer, Port, 81, Frame.Syn)).Packet));
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_port_where_the_node_takes_datagrams_is_not_given_and_one_where_it_listens_is(int family)
    {
        using var node = Node.WithEverything(family);
        using var sockets = TestSockets.OfNode(node);
        sockets.Bind(Frame.Udp, node.Self, Port);
        sockets.Bind(Frame.Tcp, node.Self, Port);
        Assert.NotEqual(Port, Frame.SourcePort(sockets.Run("cil_to_netdev", Frame.UdpDatagram(node.A, node.World, Port, 53)).Packet));
        Assert.Equal(Port, Frame.SourcePort(sockets.Run("cil_to_netdev", Frame.TcpSegment(node.A, node.World, Port, 53, Frame.Syn)).Packet));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_port_of_the_node_that_is_a_services_is_not_given(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService(node.Self, Port, Frame.Udp, FrontendFlags.NodePort | FrontendFlags.Routable, (node.B, 8080));
        var sent = node.Bench.Run("cil_to_netdev", Frame.UdpDatagram(node.A, node.World, Port, 53)).Packet;
        Assert.NotEqual(Port, Frame.SourcePort(sent));
        var back = node.Bench.Run("cil_from_netdev", Frame.UdpDatagram(node.World, node.Self, 53, Frame.SourcePort(sent))).Packet;
        Assert.Equal((node.A, Port), (Frame.Destination(back), Frame.DestinationPort(back)));
    }

    [Theory, InlineData(4, false), InlineData(6, false), InlineData(4, true), InlineData(6, true)]
    public void A_client_outside_does_not_get_the_port_of_a_connection_of_the_node(int family, bool tunnel)
    {
        using var node = Served(family, tunnel);
        using var sockets = TestSockets.OfNode(node);
        sockets.Connect(tunnel ? node.Router : node.Self, Port, node.C, 8080);
        var client = sockets.Run("cil_from_netdev", Frame.TcpSegment(node.World, node.Vip, Port, 80, Frame.Syn));
        Assert.True(client.Drop is null, $"dropped: {client.Drop?.Reason} line {client.Drop?.Header.Line}");
        Assert.Equal((tunnel ? node.Router : node.Self, node.C), (Frame.Source(client.Packet), Frame.Destination(client.Packet)));
        Assert.NotEqual(Port, Frame.SourcePort(client.Packet));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_connection_of_the_node_gets_another_port_where_a_pod_has_its_own(int family)
    {
        using var node = Node.WithEverything(family);
        using var sockets = TestSockets.OfNode(node);
        foreach (var peer in new[] { node.World, node.Peer })
        {
            Assert.Equal(Port, Frame.SourcePort(sockets.Run("cil_to_netdev", Frame.TcpSegment(node.A, peer, Port, 80, Frame.Syn)).Packet));
            sockets.Connect(node.Self, Port, peer, 80);
            var own = sockets.Run("cil_to_netdev", Frame.TcpSegment(node.Self, peer, Port, 80, Frame.Syn)).Packet;
            var port = Frame.SourcePort(own);
            Assert.Equal(node.Self, Frame.Source(own));
            Assert.NotEqual(Port, port);
            Assert.True(Frame.IsSound(own));
            Assert.Equal(port, Frame.SourcePort(sockets.Run("cil_to_netdev", Frame.TcpSegment(node.Self, peer, Port, 80, Frame.Ack)).Packet));

            var answer = sockets.Run("cil_from_netdev", Frame.TcpSegment(peer, node.Self, 80, port, Frame.Syn | Frame.Ack));
            Assert.Equal((Outcome.Pass, node.Self, Port), (answer.Verdict, Frame.Destination(answer.Packet), Frame.DestinationPort(answer.Packet)));
            Assert.True(Frame.IsSound(answer.Packet));
            var pods = sockets.Run("cil_from_netdev", Frame.TcpSegment(peer, node.Self, 80, Port, Frame.Syn | Frame.Ack));
            Assert.Equal((node.A, Port), (Frame.Destination(pods.Packet), Frame.DestinationPort(pods.Packet)));
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_datagram_of_the_node_too(int family)
    {
        using var node = Node.WithEverything(family);
        Assert.Equal(Port, Frame.SourcePort(node.Bench.Run("cil_to_netdev", Frame.UdpDatagram(node.A, node.World, Port, 53)).Packet));
        var port = Frame.SourcePort(node.Bench.Run("cil_to_netdev", Frame.UdpDatagram(node.Self, node.World, Port, 53)).Packet);
        Assert.NotEqual(Port, port);
        var answer = node.Bench.Run("cil_from_netdev", Frame.UdpDatagram(node.World, node.Self, 53, port));
        Assert.Equal((Outcome.Pass, node.Self, Port), (answer.Verdict, Frame.Destination(answer.Packet), Frame.DestinationPort(answer.Packet)));
        var error = node.Bench.Run("cil_from_netdev", Frame.Unreachable(node.World, node.Self, Frame.UdpDatagram(node.Self, node.World, port, 53)));
        Assert.Equal((Outcome.Pass, node.Self), (error.Verdict, Frame.Destination(error.Packet)));
        Assert.Equal(Port, (ushort)(Frame.L4(error.Packet)[^8] << 8 | Frame.L4(error.Packet)[^7]));
        Assert.True(Frame.IsSound(error.Packet));
    }

    [Theory, InlineData(4, false), InlineData(6, false), InlineData(4, true), InlineData(6, true)]
    public void A_connection_of_the_node_gets_another_port_where_a_client_outside_has_its_own(int family, bool tunnel)
    {
        using var node = Served(family, tunnel);
        var self = tunnel ? node.Router : node.Self;
        var client = node.Bench.Run("cil_from_netdev", Frame.TcpSegment(node.World, node.Vip, Port, 80, Frame.Syn));
        Assert.Equal((self, Port), (Frame.Source(client.Packet), Frame.SourcePort(client.Packet)));
        var own = node.Bench.Run(tunnel ? "cil_from_host" : "cil_to_netdev", Frame.TcpSegment(self, node.C, Port, 8080, Frame.Syn));
        Assert.True(own.Drop is null, $"dropped: {own.Drop?.Reason} line {own.Drop?.Header.Line}");
        var port = Frame.SourcePort(own.Packet);
        Assert.Equal((self, node.C), (Frame.Source(own.Packet), Frame.Destination(own.Packet)));
        Assert.NotEqual(Port, port);
        Assert.True(Frame.IsSound(own.Packet));
        if (tunnel)
            return; // What the tunnel device brings needs a key that only it sets: OverlayTests and TunnelHookTests.
        var answer = node.Bench.Run("cil_from_netdev", Frame.TcpSegment(node.C, self, 8080, port, Frame.Syn | Frame.Ack));
        Assert.Equal((Outcome.Pass, self, Port), (answer.Verdict, Frame.Destination(answer.Packet), Frame.DestinationPort(answer.Packet)));
        var clients = node.Bench.Run("cil_from_netdev", Frame.TcpSegment(node.C, self, 8080, Port, Frame.Syn | Frame.Ack));
        Assert.Equal((Outcome.Redirect, node.World), (clients.Verdict, Frame.Destination(clients.Packet)));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void What_the_node_sends_from_a_free_port_is_not_entered(int family)
    {
        using var node = Node.WithEverything(family);
        foreach (var packet in new[]
        {
            Frame.TcpSegment(node.Self, node.World, Port, 80, Frame.Syn), Frame.TcpSegment(node.Self, node.Peer, Port, 80, Frame.Ack), Frame.UdpDatagram(node.Self, node.World, Port, 53),
        })
            Assert.Equal((node.Self, Port), (Frame.Source(packet), Frame.SourcePort(node.Bench.Run("cil_to_netdev", packet).Packet)));
        Assert.Empty(node.Bench.Map<SnatKey, SnatValue>("cilium_snat").ToDictionary());
    }

    private static Node Served(int family, bool tunnel)
    {
        var node = Node.WithEverything(family, constants: obj => obj.TrySetConstant("enable_tunnel", [tunnel ? (byte)1 : (byte)0]));
        node.AddService(node.Vip, 80, Frame.Tcp, FrontendFlags.LoadBalancer | FrontendFlags.Routable, (node.C, 8080));
        return node;
    }
}
