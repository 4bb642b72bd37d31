using System.Buffers.Binary;
using Cilium.Bpf;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>VXLAN by the programs themselves, without the tunnel device.</summary>
public sealed class EncapsulationTests
{
    private const uint Underlay = 5;

    [Theory, InlineData(4), InlineData(6)]
    public void A_packet_for_another_node_leaves_with_all_headers_on(int family)
    {
        using var node = Direct(family);
        var packet = Frame.TcpSegment(node.A, node.C, 40000, 80, Frame.Syn);
        var outcome = node.FromA(packet);
        outcome.WentTo(TracePoint.ToOverlay);
        Assert.Equal(0x0400u, outcome.Mark);
        Assert.Equal(packet, outcome.Trace!.Captured);
        Assert.Equal(packet, outcome.Packet[(Frame.Ethernet + 36)..]);
        var outer = outcome.Packet;
        Assert.Equal(("192.168.0.1", "192.168.0.2", Frame.Udp, 64), (Frame.Source(outer), Frame.Destination(outer), Frame.Protocol(outer), Frame.Hops(outer)));
        Assert.True(Frame.HasSoundHeader(outer));
        Assert.Equal(outer.Length - 14, BinaryPrimitives.ReadUInt16BigEndian(outer.AsSpan(16)));
        Assert.Equal(outer.Length - 34, BinaryPrimitives.ReadUInt16BigEndian(outer.AsSpan(38)));
        Assert.Equal((8472, 0), (Frame.DestinationPort(outer), BinaryPrimitives.ReadUInt16BigEndian(outer.AsSpan(40))));
        Assert.InRange(Frame.SourcePort(outer), 32768, 60999);
        Assert.Equal(0x08000000u, BinaryPrimitives.ReadUInt32BigEndian(outer.AsSpan(42)));
        Assert.Equal(Node.IdentityA << 8, BinaryPrimitives.ReadUInt32BigEndian(outer.AsSpan(46)));
    }

    [Fact]
    public void A_flow_keeps_its_source_port_and_flows_differ()
    {
        using var node = Direct(4);
        var ports = Enumerable.Range(0, 16).Select(i => Frame.SourcePort(
            node.FromA(Frame.UdpDatagram(node.A, node.C, (ushort)(1000 + i / 4), 80)).Packet)).ToList();
        Assert.All(ports.Chunk(4), flow => Assert.Single(flow.Distinct()));
        Assert.True(ports.Distinct().Count() > 1);
    }

    [Fact]
    public void Congestion_bits_are_copied_outwards()
    {
        using var node = Direct(4);
        var packet = Frame.UdpDatagram(node.A, node.C, 1000, 80);
        packet[15] = 0xB9;
        Assert.Equal(1, node.FromA(packet).Packet[15]);
    }

    [Fact]
    public void What_does_not_fit_the_underlay_takes_the_tunnel_device()
    {
        using var node = Direct(4);
        var fits = Frame.UdpDatagram(node.A, node.C, 1000, 80, 1450 - 28);
        Assert.Equal(1514, node.FromA(fits).Packet.Length);
        var large = Frame.UdpDatagram(node.A, node.C, 1000, 80, 1451 - 28);
        Assert.Equal(large, node.FromA(large).Packet);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void What_another_node_sends_to_a_pod_has_its_headers_taken_off(int family)
    {
        using var node = Direct(family);
        var packet = Frame.TcpSegment(node.C, node.A, 40000, 80, Frame.Syn, 20);
        var outcome = node.Bench.Run("cil_from_netdev", Encapsulated(packet, Node.IdentityC));
        outcome.WentTo(TracePoint.ToEndpoint);
        Assert.Equal((Node.IdentityC, Node.IdentityA), (outcome.Trace!.Header.SourceIdentity, outcome.Trace.Header.DestinationIdentity));
        Assert.Equal([.. Frame.PodMac, .. Frame.HostMac], outcome.Packet[..12]);
        Assert.True(Frame.IsSound(outcome.Packet));
        Assert.Equal(63, Frame.Hops(outcome.Packet));
        Assert.Equal(Frame.L4(packet).ToArray(), Frame.L4(outcome.Packet).ToArray());
        Assert.True(node.OnlyConnection().Value.Flags.HasFlag(CtFlags.FromTunnel));
    }

    [Fact]
    public void A_packet_goes_from_one_nodes_programs_to_the_others()
    {
        using var sender = Direct(4);
        using var receiver = new Node(4, constants: obj =>
        {
            Directly(obj);
            obj.SetConstant("node_ipv4", Bench.Address("192.168.0.2"));
        }, objects: ["lxc", "netdev"]);
        sender.Know(receiver.B, Node.IdentityB, "192.168.0.2");
        sender.Bench.Map<Addr128, EndpointRow>("cilium_lxc").Delete(Bench.Address(receiver.B));
        var packet = Frame.TcpSegment(sender.A, receiver.B, 40000, 80, Frame.Syn);
        receiver.Bench.Run("cil_from_netdev", sender.FromA(packet).Packet).WentTo(TracePoint.ToEndpoint);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Ingress_policy_knows_the_remote_identity(int family)
    {
        using var node = Direct(family, EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA, Node.Allow(PolicyDirection.Ingress, Node.IdentityC, Frame.Tcp, 80));
        var packet = Frame.TcpSegment(node.C, node.A, 40000, 80, Frame.Syn);
        var denied = node.Bench.Run("cil_from_netdev", Encapsulated(packet, 4444));
        denied.WasDropped(DropReason.Policy);
        Assert.Equal(4444u, denied.Drop!.Header.SourceIdentity);
        node.Bench.Run("cil_from_netdev", Encapsulated(packet, Node.IdentityC)).WentTo(TracePoint.ToEndpoint);
    }

    [Theory, InlineData(0u), InlineData(1u)]
    public void An_identity_that_no_node_may_claim_is_dropped(uint identity)
    {
        using var node = Direct(4);
        var packet = Frame.UdpDatagram(node.C, node.A, 1000, 2000);
        node.Bench.Run("cil_from_netdev", Encapsulated(packet, identity)).WasDropped(DropReason.InvalidIdentity);
    }

    [Theory]
    [InlineData("fragment", 20, 0x20)]
    [InlineData("congestion", 15, 0x03)]
    [InlineData("UDP checksum", 40, 0x01)]
    [InlineData("VXLAN flags", 42, 0x40)]
    [InlineData("UDP length", 39, 0x02)]
    [InlineData("another node's address", 33, 0x40)]
    [InlineData("inner protocol", 63, 0x06)]
    public void What_is_unusual_is_left_to_the_tunnel_device(string what, int offset, byte bits)
    {
        using var node = Direct(4);
        var packet = Encapsulated(Frame.UdpDatagram(node.C, node.A, 1000, 2000), Node.IdentityC);
        packet[offset] ^= bits;
        var outcome = node.Bench.Run("cil_from_netdev", packet);
        Assert.True((outcome.Verdict, outcome.Events.Count) == (Outcome.Pass, 0), what);
        Assert.Equal(packet, outcome.Packet);
    }

    [Fact]
    public void What_is_for_the_node_or_for_nobody_is_left_to_the_tunnel_device()
    {
        using var node = Direct(4);
        foreach (var destination in new[] { node.Router, "10.0.0.77" })
        {
            var packet = Encapsulated(Frame.UdpDatagram(node.C, destination, 1000, 2000), Node.IdentityC);
            var outcome = node.Bench.Run("cil_from_netdev", packet);
            Assert.Equal(Outcome.Pass, outcome.Verdict);
            Assert.Equal(packet, outcome.Packet);
        }
    }

    [Fact]
    public void A_truncated_packet_is_left_to_the_tunnel_device()
    {
        using var node = Direct(4);
        var packet = Encapsulated(Frame.UdpDatagram(node.C, node.A, 1000, 2000), Node.IdentityC);
        for (var length = 34; length < packet.Length; length++)
            Assert.Equal(Outcome.Pass, node.Bench.Run("cil_from_netdev", packet[..length]).Verdict);
    }

    private static void Directly(BpfObject obj)
    {
        _ = obj.TrySetConstant("underlay_ifindex", BitConverter.GetBytes(Underlay));
        _ = obj.TrySetConstant("underlay_mtu", BitConverter.GetBytes(1500u));
    }

    private static Node Direct(int family, EndpointFlags a = 0) => new(family, a, constants: Directly, objects: ["lxc", "netdev"]);

    private static byte[] Encapsulated(byte[] inner, uint vni)
    {
        var l4 = new byte[16 + inner.Length];
        BinaryPrimitives.WriteUInt16BigEndian(l4, 40001);
        BinaryPrimitives.WriteUInt16BigEndian(l4.AsSpan(2), 8472);
        BinaryPrimitives.WriteUInt16BigEndian(l4.AsSpan(4), (ushort)l4.Length);
        l4[8] = 8;
        BinaryPrimitives.WriteUInt32BigEndian(l4.AsSpan(12), vni << 8);
        inner.CopyTo(l4, 16);
        var packet = Frame.Ip("192.168.0.2", "192.168.0.1", Frame.Udp, l4);
        packet[40] = packet[41] = 0;
        return packet;
    }
}
