using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>Services per packet, for what bypasses the socket hooks.</summary>
public sealed class ServiceTests
{
    [Theory, InlineData(4, Frame.Tcp), InlineData(6, Frame.Tcp), InlineData(4, Frame.Udp), InlineData(6, Frame.Udp)]
    public void A_request_goes_to_the_backend_and_the_reply_comes_from_the_service(int family, byte protocol)
    {
        using var node = new Node(family);
        node.AddService(protocol, (node.B, 8080));
        var request = node.FromA(Segment(node.A, node.Vip, 40000, 80, Frame.Syn));
        request.WentTo(TracePoint.ToEndpoint);
        Assert.Equal((node.A, node.B, (ushort)40000, (ushort)8080), Ends(request.Packet));
        Assert.True(Frame.IsSound(request.Packet));
        var entry = node.OnlyConnection().Value;
        Assert.Equal((Node.ServiceId, 500u), (entry.ServiceId, entry.BackendId));
        var reply = node.FromB(Segment(node.B, node.A, 8080, 40000, Frame.Syn | Frame.Ack));
        reply.WentTo(TracePoint.ToEndpoint);
        Assert.Equal((node.Vip, node.A, (ushort)80, (ushort)40000), Ends(reply.Packet));
        Assert.True(Frame.IsSound(reply.Packet));
        Assert.Equal(Bench.Address(node.B), reply.Trace!.Header.OriginalAddress);
        var next = node.FromA(Segment(node.A, node.Vip, 40000, 80, Frame.Ack));
        Assert.Equal((node.A, node.B, (ushort)40000, (ushort)8080), Ends(next.Packet));

        byte[] Segment(string from, string to, ushort fromPort, ushort toPort, byte flags) => protocol == Frame.Tcp
            ? Frame.TcpSegment(from, to, fromPort, toPort, flags)
            : Frame.UdpDatagram(from, to, fromPort, toPort);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_pod_that_asks_the_backend_itself_is_answered_by_it(int family)
    {
        using var node = new Node(family);
        node.AddService(Frame.Udp, (node.B, 8080));
        foreach (var (to, port) in new[] { (node.Vip, (ushort)80), (node.B, (ushort)8080), (node.Vip, (ushort)80) })
        {
            node.FromA(Frame.UdpDatagram(node.A, to, 40000, port));
            Assert.Equal((to, node.A, port, (ushort)40000), Ends(node.FromB(Frame.UdpDatagram(node.B, node.A, 8080, 40000)).Packet));
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_connection_keeps_its_backend_while_others_are_chosen_at_random(int family)
    {
        using var node = new Node(family);
        node.AddService((node.B, 8080), (node.C, 8081));
        var chosen = new HashSet<string>();
        for (ushort port = 40000; port < 40032; port++)
        {
            var first = Frame.Destination(node.FromA(Frame.TcpSegment(node.A, node.Vip, port, 80, Frame.Syn)).Packet);
            chosen.Add(first);
            for (var i = 0; i < 4; i++)
                Assert.Equal(first, Frame.Destination(node.FromA(Frame.TcpSegment(node.A, node.Vip, port, 80, Frame.Ack)).Packet));
        }
        Assert.Equal(new HashSet<string> { node.B, node.C }, chosen);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_repeated_SYN_keeps_its_backend_until_the_connection_ends(int family)
    {
        using var node = new Node(family);
        node.AddService((node.B, 8080), (node.C, 8081));
        var syn = Frame.TcpSegment(node.A, node.Vip, 40000, 80, Frame.Syn);
        var first = Frame.Destination(node.FromA(syn).Packet);
        for (var i = 0; i < 16; i++)
            Assert.Equal(first, Frame.Destination(node.FromA(syn).Packet));
        var chosen = new HashSet<string>();
        for (var i = 0; i < 32; i++)
        {
            node.FromA(Frame.TcpSegment(node.A, node.Vip, 40000, 80, Frame.Rst | Frame.Ack));
            chosen.Add(Frame.Destination(node.FromA(syn).Packet));
        }
        Assert.Equal(new HashSet<string> { node.B, node.C }, chosen);
    }

    [Theory, InlineData(4, true), InlineData(6, true), InlineData(4, false), InlineData(6, false)]
    public void A_half_closed_connection_keeps_its_backend(int family, bool clientFirst)
    {
        using var node = new Node(family, constants: obj =>
        {
            obj.SetConstant("ct_timeout_service_tcp", 8000u);
            obj.SetConstant("ct_timeout_tcp_closing", 10u);
        });
        node.AddService((node.B, 8080));
        Client(Frame.Syn);
        Backend(Frame.Syn | Frame.Ack);
        Client(Frame.Ack);
        Assert.Equal(8000, Remaining());
        if (clientFirst)
            Client(Frame.Fin | Frame.Ack);
        else
            Backend(Frame.Fin | Frame.Ack);
        Client(Frame.Ack);
        Assert.Equal(8000, Remaining());
        if (clientFirst)
        {
            Backend(Frame.Fin | Frame.Ack);
            Client(Frame.Ack);
        }
        else
        {
            Client(Frame.Fin | Frame.Ack);
        }
        Assert.Equal(10, Remaining());

        void Client(byte flags) => Assert.Null(node.FromA(Frame.TcpSegment(node.A, node.Vip, 40000, 80, flags)).Drop);

        void Backend(byte flags) => Assert.Null(node.FromB(Frame.TcpSegment(node.B, node.A, 8080, 40000, flags)).Drop);

        int Remaining()
        {
            var entry = Assert.Single(node.Connections(), c => c.Key.Flags != 0).Value;
            var seconds = (int)(entry.Lifetime - entry.Created);
            // The clock may tick between creation and a later packet.
            return seconds % 10 <= 5 ? seconds - (seconds % 10) : seconds;
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_reset_by_the_client_ends_its_hold_on_a_backend(int family)
    {
        using var node = new Node(family);
        node.AddService((node.B, 8080));
        node.FromA(Frame.TcpSegment(node.A, node.Vip, 40000, 80, Frame.Syn));
        node.FromA(Frame.TcpSegment(node.A, node.Vip, 40000, 80, Frame.Rst | Frame.Ack));
        var entry = Assert.Single(node.Connections(), c => c.Key.Flags != 0).Value;
        Assert.InRange(entry.Lifetime - entry.Created, 10u, 15u);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_backend_that_is_gone_is_replaced(int family)
    {
        using var node = new Node(family);
        node.AddService((node.B, 8080));
        node.FromA(Frame.UdpDatagram(node.A, node.Vip, 40000, 80));
        node.AddService(Frame.Udp, (node.B, 8080));
        Assert.Equal(node.B, Frame.Destination(node.FromA(Frame.UdpDatagram(node.A, node.Vip, 40001, 80)).Packet));
        node.Bench.Map<uint, BackendValue>("cilium_lb_backends").Delete(500);
        node.Bench.Map<SlotKey, SlotValue>("cilium_lb_slots").Update(
            new SlotKey(Node.ServiceId, 0), new SlotValue(501, Bench.Address(node.C), NetPort.From(8080), Frame.Udp, 0));
        node.Bench.Map<uint, BackendValue>("cilium_lb_backends").Update(501, new BackendValue(Bench.Address(node.C), NetPort.From(8080), Frame.Udp, 0));
        Assert.Equal(node.C, Frame.Destination(node.FromA(Frame.UdpDatagram(node.A, node.Vip, 40001, 80)).Packet));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Policy_is_applied_to_the_backend(int family)
    {
        using var node = new Node(family, a: EndpointFlags.EgressEnforced);
        node.AddService((node.B, 8080));
        node.SetPolicy(Node.EndpointA, Node.Allow(PolicyDirection.Egress, Node.IdentityB, Frame.Tcp, 80));
        node.FromA(Frame.TcpSegment(node.A, node.Vip, 40000, 80, Frame.Syn)).WasDropped(DropReason.Policy);
        node.SetPolicy(Node.EndpointA, Node.Allow(PolicyDirection.Egress, Node.IdentityB, Frame.Tcp, 8080));
        node.FromA(Frame.TcpSegment(node.A, node.Vip, 40001, 80, Frame.Syn)).WentTo(TracePoint.ToEndpoint);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_service_without_backends_is_answered_with_unreachable(int family)
    {
        using var node = new Node(family);
        node.AddService();
        var request = Frame.TcpSegment(node.A, node.Vip, 40000, 80, Frame.Syn);
        var outcome = node.FromA(request);
        Assert.Equal(Outcome.Redirect, outcome.Verdict);
        Assert.Equal(DropReason.NoService, outcome.Drop!.Reason);
        Assert.Equal((node.Vip, node.A), (Frame.Source(outcome.Packet), Frame.Destination(outcome.Packet)));
        Assert.True(Frame.IsSound(outcome.Packet));
        Assert.Equal(family == 4 ? new byte[] { 3, 3 } : [1, 4], Frame.L4(outcome.Packet)[..2].ToArray());
        Assert.Equal(request[Frame.Ethernet..][..(family == 4 ? 28 : 48)], Frame.L4(outcome.Packet)[8..].ToArray());
        Assert.Equal(request[6..12], outcome.Packet[..6]);
        Assert.Equal(request[..6], outcome.Packet[6..12]);
    }

    [Fact]
    public void A_service_without_backends_is_dropped_silently_when_so_configured()
    {
        using var node = new Node(4, constants: obj => obj.TrySetConstant("reject_no_backend", [0]));
        node.AddService();
        node.FromA(Frame.TcpSegment(node.A, node.Vip, 40000, 80, Frame.Syn)).WasDropped(DropReason.NoService);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_pod_reaches_itself_through_its_service(int family)
    {
        using var node = new Node(family, EndpointFlags.EgressEnforced | EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA);
        node.AddService((node.A, 8080));
        var loopback = family == 4 ? "169.254.42.1" : "fd42::1";
        var request = node.FromA(Frame.TcpSegment(node.A, node.Vip, 40000, 80, Frame.Syn));
        request.WentTo(TracePoint.ToEndpoint);
        Assert.Equal((loopback, node.A, (ushort)40000, (ushort)8080), Ends(request.Packet));
        Assert.True(Frame.IsSound(request.Packet));
        var reply = node.FromA(Frame.TcpSegment(node.A, loopback, 8080, 40000, Frame.Syn | Frame.Ack));
        reply.WentTo(TracePoint.ToEndpoint);
        Assert.Equal((node.Vip, node.A, (ushort)80, (ushort)40000), Ends(reply.Packet));
        Assert.True(Frame.IsSound(reply.Packet));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void An_error_of_the_backend_speaks_about_the_service(int family)
    {
        using var node = new Node(family);
        node.AddService(Frame.Udp, (node.B, 8080));
        var sent = node.FromA(Frame.UdpDatagram(node.A, node.Vip, 40000, 80)).Packet;
        var error = node.FromB(Frame.Unreachable(node.B, node.A, sent));
        error.WentTo(TracePoint.ToEndpoint);
        Assert.Equal((node.Vip, node.A), (Frame.Source(error.Packet), Frame.Destination(error.Packet)));
        Assert.True(Frame.IsSound(error.Packet));
        // The quoted packet is what the pod sent, but for its transport checksum, of which the error quotes the sum after translation.
        var quoted = Frame.L4(error.Packet)[8..].ToArray();
        var original = Frame.UdpDatagram(node.A, node.Vip, 40000, 80)[Frame.Ethernet..];
        var header = family == 4 ? 20 : 40;
        var hops = family == 4 ? 8 : 7;
        original[hops] = quoted[hops];
        if (family == 4)
            quoted.AsSpan(10, 2).CopyTo(original.AsSpan(10));
        Assert.Equal(original[..(header + 6)], quoted[..(header + 6)]);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Fragments_of_a_request_follow_the_first(int family)
    {
        using var node = new Node(family);
        node.AddService(Frame.Udp, (node.B, 8080));
        var parts = Frame.Fragments(Frame.UdpDatagram(node.A, node.Vip, 40000, 80, 104), 64);
        Assert.Equal(node.B, Frame.Destination(node.FromA(parts[0]).Packet));
        Assert.Equal(node.B, Frame.Destination(node.FromA(parts[1]).Packet));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void The_node_itself_reaches_a_service_per_packet(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService((node.B, 8080));
        var request = node.Bench.Run("cil_to_netdev", Frame.TcpSegment(node.Self, node.Vip, 40000, 80, Frame.Syn));
        request.WentTo(TracePoint.ToEndpoint);
        Assert.Equal((node.Self, node.B, (ushort)40000, (ushort)8080), Ends(request.Packet));
        Assert.Equal(0x0F00u, request.Mark & 0x0F00);
        var reply = node.FromB(Frame.TcpSegment(node.B, node.Self, 8080, 40000, Frame.Syn | Frame.Ack));
        reply.WentTo(TracePoint.ToHost, Outcome.Pass);
        Assert.Equal((node.Vip, node.Self, (ushort)80, (ushort)40000), Ends(reply.Packet));
        Assert.True(Frame.IsSound(reply.Packet));
    }

    private static (string Source, string Destination, ushort SourcePort, ushort DestinationPort) Ends(byte[] packet) =>
        (Frame.Source(packet), Frame.Destination(packet), Frame.SourcePort(packet), Frame.DestinationPort(packet));
}
