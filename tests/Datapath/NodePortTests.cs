using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>Services that clients outside the cluster reach: load balancer addresses, external addresses and node ports.</summary>
public sealed class NodePortTests
{
    private const ushort Client = 50000;
    private const uint SnatDone = 0x0300;

    [Theory, InlineData(4, Frame.Tcp), InlineData(6, Frame.Tcp), InlineData(4, Frame.Udp), InlineData(6, Frame.Udp)]
    public void A_pod_of_this_node_sees_the_client_and_answers_as_the_service(int family, byte protocol)
    {
        using var node = Served(family, protocol, node => node.A);
        var request = node.Bench.Run("cil_from_netdev", Packet(protocol, node.World, node.Vip, Client, 80, Frame.Syn));
        request.WentTo(TracePoint.ToEndpoint);
        Assert.Equal((node.World, node.A, Client, (ushort)8080), Ends(request.Packet));
        Assert.True(Frame.IsSound(request.Packet));
        Assert.Equal(2u, request.Events[^1].Header.SourceIdentity);

        var reply = node.FromA(Packet(protocol, node.A, node.World, 8080, Client, Frame.Syn | Frame.Ack));
        reply.WentTo(TracePoint.ToStack, Outcome.Pass);
        Assert.Equal((node.Vip, node.World, (ushort)80, Client), Ends(reply.Packet));
        Assert.True(Frame.IsSound(reply.Packet));
        var left = node.Bench.Run("cil_to_netdev", reply.Packet);
        Assert.Equal((Outcome.Pass, node.Vip), (left.Verdict, Frame.Source(left.Packet)));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Policy_of_the_backend_is_about_the_client(int family)
    {
        using var node = Served(family, Frame.Tcp, node => node.A, EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA);
        node.Bench.Run("cil_from_netdev", Packet(Frame.Tcp, node.World, node.Vip, Client, 80, Frame.Syn)).WasDropped(DropReason.Policy);
        node.SetPolicy(Node.EndpointA, Node.Allow(PolicyDirection.Ingress, 2, Frame.Tcp, 8080));
        node.Bench.Run("cil_from_netdev", Packet(Frame.Tcp, node.World, node.Vip, Client, 80, Frame.Syn)).WentTo(TracePoint.ToEndpoint);
    }

    [Theory, InlineData(4, Frame.Tcp), InlineData(6, Frame.Tcp), InlineData(4, Frame.Udp), InlineData(6, Frame.Udp)]
    public void A_pod_of_another_node_is_reached_by_the_tunnel_as_our_gateway_with_the_clients_identity(int family, byte protocol)
    {
        using var node = Served(family, protocol, node => node.C);
        var request = node.Bench.Run("cil_from_netdev", Packet(protocol, node.World, node.Vip, Client, 80, Frame.Syn));
        request.WentTo(TracePoint.ToOverlay);
        var sent = request.Events[^1];
        Assert.Equal((TracePoint.ToOverlay, 2u, Node.IdentityC), (sent.Point, sent.Header.SourceIdentity, sent.Header.DestinationIdentity));
        Assert.Equal((0x0400u, node.Router, node.C), (request.Mark, Frame.Source(request.Packet), Frame.Destination(request.Packet)));
        Assert.Equal(8080, Frame.DestinationPort(request.Packet));
        Assert.InRange(Frame.SourcePort(request.Packet), 32768, 65535);
        Assert.True(Frame.IsSound(request.Packet));

        // The same connection keeps port and backend.
        var next = node.Bench.Run("cil_from_netdev", Packet(protocol, node.World, node.Vip, Client, 80, Frame.Ack));
        Assert.Equal(Ends(request.Packet), Ends(next.Packet));
    }

    [Theory, InlineData(4, Frame.Tcp), InlineData(6, Frame.Tcp), InlineData(4, Frame.Udp), InlineData(6, Frame.Udp)]
    public void Without_a_tunnel_it_is_reached_as_this_node_and_its_answer_returns_to_the_client(int family, byte protocol)
    {
        using var node = Served(family, protocol, node => node.C, tunnel: false);
        var request = node.Bench.Run("cil_from_netdev", Packet(protocol, node.World, node.Vip, Client, 80, Frame.Syn));
        Assert.Equal((Outcome.Redirect, SnatDone, TracePoint.ToNetwork), (request.Verdict, request.Mark, request.Events[^1].Point));
        Assert.Equal((node.Self, node.C, (byte)63), (Frame.Source(request.Packet), Frame.Destination(request.Packet), Frame.Hops(request.Packet)));
        Assert.True(Frame.IsSound(request.Packet));
        var untouched = node.Bench.Run("cil_to_netdev", request.Packet, mark: SnatDone);
        Assert.Equal((Outcome.Pass, Ends(request.Packet)), (untouched.Verdict, Ends(untouched.Packet)));

        var answer = node.Bench.Run("cil_from_netdev", Packet(protocol, node.C, node.Self, 8080, Frame.SourcePort(request.Packet), Frame.Syn | Frame.Ack));
        Assert.True(answer.Drop is null, $"dropped: {answer.Drop?.Reason} line {answer.Drop?.Header.Line}");
        Assert.Equal((Outcome.Redirect, SnatDone, (byte)63), (answer.Verdict, answer.Mark, Frame.Hops(answer.Packet)));
        Assert.Equal((node.Vip, node.World, (ushort)80, Client), Ends(answer.Packet));
        Assert.True(Frame.IsSound(answer.Packet));
    }

    [Theory, InlineData(4, true), InlineData(6, true), InlineData(4, false), InlineData(6, false)]
    public void Services_in_front_of_each_other_do_not_send_a_packet_for_ever(int family, bool tunnel)
    {
        using var node = Served(family, Frame.Udp, node => node.C, tunnel: tunnel);
        var last = Frame.Ip(node.World, node.Vip, Frame.Udp, Frame.L4(Frame.UdpDatagram(node.World, node.Vip, Client, 80)).ToArray(), hops: 1);
        node.Bench.Run("cil_from_netdev", last).WasDropped(DropReason.TtlExceeded);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Who_comes_from_outside_with_the_address_of_the_backend_gets_past_no_policy(int family)
    {
        using var node = Served(family, Frame.Udp, node => node.A, EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA);
        node.Bench.Run("cil_from_netdev", Packet(Frame.Udp, node.A, node.Vip, Client, 80)).WasDropped(DropReason.Policy);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_client_that_is_its_own_backend_elsewhere_gets_its_answer(int family)
    {
        using var node = Served(family, Frame.Tcp, node => node.Peer);
        var request = node.Bench.Run("cil_from_netdev", Packet(Frame.Tcp, node.Peer, node.Vip, Client, 80, Frame.Syn)).Packet;
        Assert.Equal((node.Self, node.Peer), (Frame.Source(request), Frame.Destination(request)));
        var answer = node.Bench.Run("cil_from_netdev", Packet(Frame.Tcp, node.Peer, node.Self, 8080, Frame.SourcePort(request), Frame.Syn | Frame.Ack)).Packet;
        Assert.Equal((node.Vip, node.Peer, (ushort)80, Client), Ends(answer));
        Assert.True(Frame.IsSound(answer));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_client_that_asks_a_process_of_the_node_itself_is_answered_by_it_again(int family)
    {
        using var node = Served(family, Frame.Udp, node => node.Self);
        foreach (var (to, port) in new[] { (node.Vip, (ushort)80), (node.Self, (ushort)8080), (node.Vip, (ushort)80) })
        {
            node.Bench.Run("cil_from_netdev", Packet(Frame.Udp, node.World, to, Client, port));
            var answer = node.Bench.Run("cil_to_netdev", Packet(Frame.Udp, node.Self, node.World, 8080, Client)).Packet;
            Assert.Equal((to, node.World, port, Client), Ends(answer));
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Clients_with_the_same_port_are_told_apart(int family)
    {
        using var node = Served(family, Frame.Udp, node => node.C, tunnel: false);
        var other = family == 4 ? "203.0.113.77" : "2001:db8::77";
        var ports = new[] { node.World, other }.Select(client => Frame.SourcePort(
            node.Bench.Run("cil_from_netdev", Packet(Frame.Udp, client, node.Vip, Client, 80)).Packet)).ToList();
        Assert.NotEqual(ports[0], ports[1]);
        var back = node.Bench.Run("cil_from_netdev", Packet(Frame.Udp, node.C, node.Self, 8080, ports[1])).Packet;
        Assert.Equal((other, Client), (Frame.Destination(back), Frame.DestinationPort(back)));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_process_of_the_node_answers_as_the_service(int family)
    {
        using var node = Served(family, Frame.Tcp, node => node.Self);
        var request = node.Bench.Run("cil_from_netdev", Packet(Frame.Tcp, node.World, node.Vip, Client, 80, Frame.Syn));
        Assert.Equal((Outcome.Pass, TracePoint.ToHost), (request.Verdict, request.Events[^1].Point));
        Assert.Equal((node.World, node.Self, Client, (ushort)8080), Ends(request.Packet));
        var reply = node.Bench.Run("cil_to_netdev", Packet(Frame.Tcp, node.Self, node.World, 8080, Client, Frame.Syn | Frame.Ack));
        Assert.Equal(Outcome.Pass, reply.Verdict);
        Assert.Equal((node.Vip, node.World, (ushort)80, Client), Ends(reply.Packet));
        Assert.True(Frame.IsSound(reply.Packet));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_node_port_is_one_of_the_nodes_own_addresses(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService(node.Self, 30080, Frame.Tcp, FrontendFlags.NodePort | FrontendFlags.Routable, (node.A, 8080));
        node.Bench.Run("cil_from_netdev", Packet(Frame.Tcp, node.World, node.Self, Client, 30080, Frame.Syn)).WentTo(TracePoint.ToEndpoint);
        var reply = node.FromA(Packet(Frame.Tcp, node.A, node.World, 8080, Client, Frame.Syn | Frame.Ack)).Packet;
        Assert.Equal((node.Self, node.World, (ushort)30080, Client), Ends(reply));
        Assert.Equal((node.Self, (ushort)30080), (Frame.Source(node.Bench.Run("cil_to_netdev", reply).Packet), Frame.SourcePort(reply)));

        // Other ports of the node are its own.
        Assert.Equal(node.Self, Frame.Destination(node.Bench.Run("cil_from_netdev", Packet(Frame.Tcp, node.World, node.Self, Client, 22, Frame.Syn)).Packet));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_client_that_asks_another_service_from_the_same_port_is_answered_by_that_one(int family)
    {
        using var node = Served(family, Frame.Udp, node => node.A);
        const uint Other = Node.ServiceId + 1;
        var (address, port, backend) = (Bench.Address(node.Self), NetPort.From(30080), Bench.Address(node.A));
        node.Bench.Map<SlotKey, SlotValue>("cilium_lb_slots").Update(new SlotKey(Other, 0), new SlotValue(500, backend, NetPort.From(8080), Frame.Udp, 0));
        node.Bench.Map<uint, RevNatValue>("cilium_lb_revnat").Update(Other, new RevNatValue(address, port, 0));
        node.Bench.Map<FrontendKey, FrontendValue>("cilium_lb_frontends").Update(
            new FrontendKey(address, port, Frame.Udp, 0), new FrontendValue(Other, 1, (ushort)(FrontendFlags.NodePort | FrontendFlags.Routable)));
        foreach (var (to, toPort) in new[] { (node.Vip, (ushort)80), (node.Self, (ushort)30080), (node.A, (ushort)8080), (node.Vip, (ushort)80) })
        {
            node.Bench.Run("cil_from_netdev", Packet(Frame.Udp, node.World, to, Client, toPort));
            var answer = node.FromA(Packet(Frame.Udp, node.A, node.World, 8080, Client)).Packet;
            Assert.Equal((to, node.World, toPort, Client), Ends(answer));
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void The_node_that_asks_another_service_from_the_same_port_is_answered_by_that_one(int family)
    {
        using var node = Served(family, Frame.Udp, node => node.C);
        const uint Other = Node.ServiceId + 1;
        var second = family == 4 ? "10.96.0.2" : "fd96::2";
        var (address, port) = (Bench.Address(second), NetPort.From(81));
        node.Bench.Map<SlotKey, SlotValue>("cilium_lb_slots").Update(new SlotKey(Other, 0), new SlotValue(500, Bench.Address(node.C), NetPort.From(8080), Frame.Udp, 0));
        node.Bench.Map<uint, RevNatValue>("cilium_lb_revnat").Update(Other, new RevNatValue(address, port, 0));
        node.Bench.Map<FrontendKey, FrontendValue>("cilium_lb_frontends").Update(
            new FrontendKey(address, port, Frame.Udp, 0), new FrontendValue(Other, 1, (ushort)FrontendFlags.None));
        foreach (var (to, toPort) in new[] { (node.Vip, (ushort)80), (second, (ushort)81), (node.C, (ushort)8080), (node.Vip, (ushort)80) })
        {
            // Addresses of pods lead to the tunnel, those of services out of the device.
            node.Bench.Run(to == node.C ? "cil_from_host" : "cil_to_netdev", Packet(Frame.Udp, node.Self, to, Client, toPort));
            var answer = node.Bench.Run("cil_from_netdev", Packet(Frame.Udp, node.C, node.Self, 8080, Client)).Packet;
            Assert.Equal((to, node.Self, toPort, Client), Ends(answer));
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_reset_in_the_name_of_a_client_that_goes_on_does_not_stay(int family)
    {
        using var node = Served(family, Frame.Tcp, node => node.A);
        Say(Frame.Syn);
        Assert.InRange(Say(Frame.Ack), 8000, 8050);
        Assert.InRange(Say(Frame.Rst), 10, 60);
        Assert.InRange(Say(Frame.Ack), 8000, 8050);
        Assert.InRange(Say(Frame.Rst | Frame.Ack), 10, 60);

        // Seconds from the first packet to the end of what the service remembers.
        int Say(byte flags)
        {
            Assert.Equal(node.A, Frame.Destination(node.Bench.Run("cil_from_netdev", Packet(Frame.Tcp, node.World, node.Vip, Client, 80, flags)).Packet));
            var entry = Assert.Single(node.Connections(), entry => entry.Key.Flags != 0).Value;
            return (int)(entry.Lifetime - entry.Created);
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_cluster_address_is_none_for_clients_outside(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService((node.A, 8080));
        node.Bench.Run("cil_from_netdev", Packet(Frame.Tcp, node.World, node.Vip, Client, 80, Frame.Syn)).WasDropped(DropReason.IsClusterIp);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Without_backends_the_client_is_told(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService(node.Vip, 80, Frame.Udp, FrontendFlags.LoadBalancer | FrontendFlags.Routable);
        var outcome = node.Bench.Run("cil_from_netdev", Packet(Frame.Udp, node.World, node.Vip, Client, 80));
        Assert.Equal((Outcome.Redirect, DropReason.NoService), (outcome.Verdict, outcome.Drop!.Reason));
        Assert.Equal((node.Vip, node.World), (Frame.Source(outcome.Packet), Frame.Destination(outcome.Packet)));
        Assert.True(Frame.IsSound(outcome.Packet));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void An_error_of_a_backend_elsewhere_speaks_about_the_service(int family)
    {
        using var node = Served(family, Frame.Udp, node => node.C, tunnel: false);
        var sent = node.Bench.Run("cil_from_netdev", Packet(Frame.Udp, node.World, node.Vip, Client, 80)).Packet;
        var error = node.Bench.Run("cil_from_netdev", Frame.Unreachable(node.C, node.Self, sent));
        Assert.True(error.Drop is null, $"dropped: {error.Drop?.Reason} line {error.Drop?.Header.Line}");
        Assert.Equal((node.Vip, node.World), (Frame.Source(error.Packet), Frame.Destination(error.Packet)));
        Assert.True(Frame.IsSound(error.Packet));
        var quoted = new byte[Frame.Ethernet + Frame.L4(error.Packet).Length - 8];
        error.Packet.AsSpan(0, Frame.Ethernet).CopyTo(quoted);
        Frame.L4(error.Packet)[8..].CopyTo(quoted.AsSpan(Frame.Ethernet));
        Assert.Equal((node.World, node.Vip, Client, (ushort)80), Ends(quoted));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Switched_off_clients_outside_are_left_to_the_stack(int family)
    {
        using var node = Served(family, Frame.Tcp, node => node.A, constants: obj => obj.TrySetConstant("enable_node_port", [0]));
        var packet = Packet(Frame.Tcp, node.World, node.Vip, Client, 80, Frame.Syn);
        var outcome = node.Bench.Run("cil_from_netdev", packet);
        Assert.Equal((Outcome.Pass, Ends(packet)), (outcome.Verdict, Ends(outcome.Packet)));
    }

    private static Node Served(
        int family, byte protocol, Func<Node, string> backend, EndpointFlags a = 0, bool tunnel = true, Func<Cilium.Bpf.BpfObject, bool>? constants = null)
    {
        var node = Node.WithEverything(family, a, obj =>
        {
            _ = obj.TrySetConstant("enable_tunnel", [tunnel ? (byte)1 : (byte)0]);
            _ = constants?.Invoke(obj);
        });
        node.AddService(node.Vip, 80, protocol, FrontendFlags.LoadBalancer | FrontendFlags.Routable, (backend(node), 8080));
        return node;
    }

    private static byte[] Packet(byte protocol, string from, string to, ushort fromPort, ushort toPort, byte flags = Frame.Syn) => protocol == Frame.Tcp
        ? Frame.TcpSegment(from, to, fromPort, toPort, flags)
        : Frame.UdpDatagram(from, to, fromPort, toPort);

    private static (string, string, ushort, ushort) Ends(byte[] packet) =>
        (Frame.Source(packet), Frame.Destination(packet), Frame.SourcePort(packet), Frame.DestinationPort(packet));
}
