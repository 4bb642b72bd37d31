using System.Buffers.Binary;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>Between pods, the node, other nodes and the world.</summary>
public sealed class NodeTests
{
    [Theory, InlineData(4), InlineData(6)]
    public void A_remote_pod_is_reached_through_the_tunnel(int family)
    {
        using var node = new Node(family);
        var packet = Frame.TcpSegment(node.A, node.C, 40000, 80, Frame.Syn);
        var outcome = node.FromA(packet);
        outcome.WentTo(TracePoint.ToOverlay);
        Assert.Equal((77u, 0x0400u), (outcome.Trace!.Header.Ifindex, outcome.Mark));
        Assert.Equal((Node.IdentityA, Node.IdentityC), (outcome.Trace.Header.SourceIdentity, outcome.Trace.Header.DestinationIdentity));
        Assert.Equal(packet, outcome.Packet);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Without_a_tunnel_a_remote_pod_is_left_to_the_routing_table(int family)
    {
        using var node = new Node(family, constants: obj => obj.TrySetConstant("enable_tunnel", [0]));
        node.FromA(Frame.TcpSegment(node.A, node.C, 40000, 80, Frame.Syn)).WentTo(TracePoint.ToStack, Outcome.Pass);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void The_node_and_the_world_are_left_to_the_stack(int family)
    {
        using var node = new Node(family);
        var host = node.FromA(Frame.TcpSegment(node.A, node.Self, 40000, 80, Frame.Syn));
        host.WentTo(TracePoint.ToHost, Outcome.Pass);
        Assert.Equal(1u, host.Trace!.Header.DestinationIdentity);
        var world = node.FromA(Frame.TcpSegment(node.A, node.World, 40000, 80, Frame.Syn));
        world.WentTo(TracePoint.ToStack, Outcome.Pass);
        Assert.Equal(2u, world.Trace!.Header.DestinationIdentity);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void The_longest_prefix_names_a_peer(int family)
    {
        using var node = new Node(family);
        node.Know(family == 4 ? "203.0.113.0" : "2001:db8::", 0x01000007, bits: family == 4 ? 120u : 32u);
        Assert.Equal(0x01000007u, node.FromA(Frame.UdpDatagram(node.A, node.World, 1, 2)).Trace!.Header.DestinationIdentity);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void The_node_reaches_its_pod_through_the_device_once(int family)
    {
        using var node = Node.WithEverything(family, EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA, Node.Allow(PolicyDirection.Ingress, 1));
        var outcome = node.Bench.Run("cil_from_host", Frame.TcpSegment(node.Router, node.A, 40000, 80, Frame.Syn));
        outcome.WentTo(TracePoint.ToEndpoint);
        Assert.Equal(0x00010F00u, outcome.Mark);
        Assert.Equal(Frame.PodMac, outcome.Packet[..6]);
        node.SetPolicy(Node.EndpointA, Node.Allow(PolicyDirection.Ingress, Node.IdentityB));
        node.Bench.Run("cil_from_host", Frame.TcpSegment(node.Router, node.A, 40001, 80, Frame.Syn)).WasDropped(DropReason.Policy);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void What_the_node_forwards_is_not_the_node(int family)
    {
        using var node = Node.WithEverything(family, EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA, Node.Allow(PolicyDirection.Ingress, 1));
        node.Bench.Run("cil_from_host", Frame.TcpSegment(node.World, node.A, 40001, 80, Frame.Syn), ingress: Bench.Device)
            .WasDropped(DropReason.Policy);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void The_node_reaches_remote_pods_and_nothing_unknown(int family)
    {
        using var node = Node.WithEverything(family);
        node.Bench.Run("cil_from_host", Frame.TcpSegment(node.Router, node.C, 40000, 80, Frame.Syn)).WentTo(TracePoint.ToOverlay);
        node.Bench.Run("cil_from_host", Frame.TcpSegment(node.Router, family == 4 ? "10.0.0.200" : "fd00::200", 40000, 80, Frame.Syn))
            .WasDropped(DropReason.Unroutable);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_packet_on_the_tunnel_device_without_a_key_is_dropped(int family)
    {
        using var node = Node.WithEverything(family);
        node.Bench.Run("cil_from_overlay", Frame.UdpDatagram(node.C, node.A, 1, 2)).WasDropped(DropReason.NoTunnelKey);
    }

    [Fact]
    public void What_leaves_by_the_tunnel_device_is_marked()
    {
        using var node = Node.WithEverything(4);
        Assert.Equal((Outcome.Pass, 0x0400u), Marked(node.Bench.Run("cil_to_overlay", Frame.UdpDatagram(node.A, node.C, 1, 2))));
        var encapsulated = Frame.UdpDatagram(node.Self, "192.168.0.2", 50000, 8472);
        var outcome = node.Bench.Run("cil_to_netdev", encapsulated, mark: 0x0400);
        Assert.Equal((Outcome.Pass, encapsulated.Length), (outcome.Verdict, outcome.Packet.Length));
        Assert.Empty(node.Connections());

        static (int, uint) Marked(Outcome outcome) => (outcome.Verdict, outcome.Mark);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void An_echo_with_id_zero_has_it_again_when_it_is_answered(int family)
    {
        using var node = Node.WithEverything(family);
        node.FromA(Echo(node.A, node.World, 0, family == 4 ? (byte)8 : (byte)128));
        var sent = node.Bench.Run("cil_to_netdev", Echo(node.A, node.World, 0, family == 4 ? (byte)8 : (byte)128)).Packet;
        var id = IdOf(sent);
        Assert.NotEqual(0, id);
        var answer = node.Bench.Run("cil_from_netdev", Echo(node.World, node.Self, id, family == 4 ? (byte)0 : (byte)129));
        answer.WentTo(TracePoint.ToEndpoint);
        Assert.Equal((node.A, (ushort)0), (Frame.Destination(answer.Packet), IdOf(answer.Packet)));
        Assert.True(Frame.IsSound(answer.Packet));

        // With a sequence number: the sum of nothing but zeros has two forms.
        byte[] Echo(string from, string to, ushort id, byte type) =>
            Frame.Ip(from, to, family == 4 ? Frame.Icmp : Frame.IcmpV6, [type, 0, 0, 0, (byte)(id >> 8), (byte)id, 0, 1]);

        ushort IdOf(byte[] packet) => BinaryPrimitives.ReadUInt16BigEndian(Frame.L4(packet)[4..]);
    }

    [Fact]
    public void A_later_fragment_is_no_tunnel_packet_whatever_it_carries()
    {
        using var node = Node.WithEverything(4);
        node.FromA(Frame.UdpDatagram(node.A, node.World, 40000, 53));
        node.Bench.Run("cil_to_netdev", Frame.UdpDatagram(node.A, node.World, 40000, 53));
        var parts = Frame.Fragments(Frame.UdpDatagram(node.World, node.Self, 53, 40000, 104), 64);
        (parts[1][36], parts[1][37]) = (8472 >> 8, 8472 & 0xFF);
        foreach (var part in parts)
        {
            var outcome = node.Bench.Run("cil_from_netdev", part);
            Assert.Equal((Outcome.Redirect, node.A), (outcome.Verdict, Frame.Destination(outcome.Packet)));
        }
    }

    [Theory]
    [InlineData(4, Frame.Tcp), InlineData(6, Frame.Tcp), InlineData(4, Frame.Udp), InlineData(6, Frame.Udp), InlineData(4, Frame.Icmp), InlineData(6, Frame.Icmp)]
    public void A_pod_speaks_to_the_world_with_the_address_of_the_node(int family, byte protocol)
    {
        using var node = Node.WithEverything(family, EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA);
        node.FromA(Request(node.A, 40000)).WentTo(TracePoint.ToStack, Outcome.Pass);
        var sent = node.Bench.Run("cil_to_netdev", Request(node.A, 40000));
        Assert.Equal(Outcome.Pass, sent.Verdict);
        Assert.Equal((node.Self, node.World), (Frame.Source(sent.Packet), Frame.Destination(sent.Packet)));
        Assert.True(Frame.IsSound(sent.Packet));
        var answer = node.Bench.Run("cil_from_netdev", Reply(node.Self, 40000));
        answer.WentTo(TracePoint.ToEndpoint);
        Assert.Equal((node.World, node.A), (Frame.Source(answer.Packet), Frame.Destination(answer.Packet)));
        Assert.True(Frame.IsSound(answer.Packet));
        Assert.Equal(TraceReason.Reply, answer.Trace!.Header.TraceReason);
        // Nobody asked for this one: it is for the node, not for the pod.
        Assert.Equal(node.Self, Frame.Destination(node.Bench.Run("cil_from_netdev", Reply(node.Self, 40001)).Packet));

        byte[] Request(string from, ushort port) => protocol switch
        {
            Frame.Tcp => Frame.TcpSegment(from, node.World, port, 80, Frame.Syn),
            Frame.Udp => Frame.UdpDatagram(from, node.World, port, 80),
            _ => Frame.Echo(from, node.World, port),
        };

        byte[] Reply(string to, ushort port) => protocol switch
        {
            Frame.Tcp => Frame.TcpSegment(node.World, to, 80, port, Frame.Syn | Frame.Ack),
            Frame.Udp => Frame.UdpDatagram(node.World, to, 80, port),
            _ => Frame.Echo(node.World, to, port, reply: true),
        };
    }

    [Theory, InlineData(4), InlineData(6)]
    public void An_error_from_the_world_finds_the_pod_behind_the_node(int family)
    {
        using var node = Node.WithEverything(family, EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA);
        var sent = Frame.UdpDatagram(node.A, node.World, 1000, 53);
        node.FromA(sent);
        var outside = node.Bench.Run("cil_to_netdev", sent).Packet;
        Assert.InRange(Frame.SourcePort(outside), 32768, 65535);
        var error = node.Bench.Run("cil_from_netdev", Frame.Unreachable(node.World, node.Self, outside));
        error.WentTo(TracePoint.ToEndpoint);
        Assert.Equal(TraceReason.Related, error.Trace!.Header.TraceReason);
        Assert.Equal(node.A, Frame.Destination(error.Packet));
        Assert.True(Frame.IsSound(error.Packet));
        var quoted = new byte[Frame.Ethernet + Frame.L4(error.Packet).Length - 8];
        error.Packet.AsSpan(0, Frame.Ethernet).CopyTo(quoted);
        Frame.L4(error.Packet)[8..].CopyTo(quoted.AsSpan(Frame.Ethernet));
        Assert.Equal((node.A, node.World, (ushort)1000), (Frame.Source(quoted), Frame.Destination(quoted), Frame.SourcePort(quoted)));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_pod_that_skips_masquerading_keeps_its_address_and_only_in_that_family(int family)
    {
        foreach (var (flag, isKept) in new[]
        {
            (EndpointFlags.SkipMasqueradeIpv4, family == 4), (EndpointFlags.SkipMasqueradeIpv6, family == 6), (EndpointFlags.None, false),
        })
        {
            using var node = Node.WithEverything(family, flag);
            var left = node.Bench.Run("cil_to_netdev", Frame.TcpSegment(node.A, node.World, 40000, 443, Frame.Syn));
            Assert.Equal(isKept ? node.A : node.Self, Frame.Source(left.Packet));
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Towards_pods_and_excluded_ranges_nothing_is_masqueraded(int family)
    {
        using var node = Node.WithEverything(family, constants: obj =>
        {
            _ = obj.TrySetConstant("native_ipv4_cidr", Bytes("198.51.100.0"));
            _ = obj.TrySetConstant("native_ipv4_prefix", [120, 0, 0, 0]);
            _ = obj.TrySetConstant("native_ipv6_cidr", Bytes("2001:db8:1::"));
            _ = obj.TrySetConstant("native_ipv6_prefix", [48, 0, 0, 0]);
        });
        foreach (var peer in new[] { node.C, family == 4 ? "198.51.100.7" : "2001:db8:1::7" })
        {
            var outcome = node.Bench.Run("cil_to_netdev", Frame.TcpSegment(node.A, peer, 40000, 80, Frame.Syn));
            Assert.Equal((Outcome.Pass, node.A), (outcome.Verdict, Frame.Source(outcome.Packet)));
        }

        static byte[] Bytes(string text)
        {
            var bytes = new byte[16];
            Bench.Address(text).Write(bytes);
            return bytes;
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_reply_to_the_world_keeps_the_address_the_world_knows(int family)
    {
        using var node = Node.WithEverything(family);
        node.Bench.Run("cil_from_netdev", Frame.TcpSegment(node.World, node.A, 50000, 80, Frame.Syn)).WentTo(TracePoint.ToEndpoint);
        var reply = Frame.TcpSegment(node.A, node.World, 80, 50000, Frame.Syn | Frame.Ack);
        node.FromA(reply).WentTo(TracePoint.ToStack, Outcome.Pass);
        Assert.Equal(node.A, Frame.Source(node.Bench.Run("cil_to_netdev", reply).Packet));
    }

    [Fact]
    public void What_the_node_speaks_besides_is_left_alone()
    {
        using var node = Node.WithEverything(4);
        var ospf = Frame.Ip(node.Self, "224.0.0.5", 89, new byte[24]);
        Assert.Equal(Outcome.Pass, node.Bench.Run("cil_to_netdev", ospf).Verdict);
        Assert.Equal(Outcome.Pass, node.Bench.Run("cil_from_netdev", Frame.Ip("192.168.0.2", "224.0.0.5", 89, new byte[24])).Verdict);
    }
}
