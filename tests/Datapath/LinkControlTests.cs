using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>Neighbour discovery and group membership pass unjudged on the link only: to groups, link-local addresses and the gateway.</summary>
public sealed class LinkControlTests
{
    private static readonly byte[] s_types = [130, 131, 132, 133, 134, 135, 136, 143];

    [Fact]
    public void Of_a_foreign_source_it_does_not_leave_the_link()
    {
        using var node = new Node(6);
        foreach (var type in s_types)
        {
            foreach (var destination in new[] { node.B, node.C, node.World, node.Self })
                node.FromA(Message(type, "fd00::99", destination)).WasDropped(DropReason.InvalidSourceIp);
        }
    }

    [Fact]
    public void Beyond_the_link_policy_decides()
    {
        using var node = new Node(6, a: EndpointFlags.EgressEnforced);
        node.SetPolicy(Node.EndpointA);
        foreach (var type in s_types)
        {
            foreach (var destination in new[] { node.B, node.C, node.World, node.Self })
                node.FromA(Message(type, node.A, destination)).WasDropped(DropReason.Policy);
        }
    }

    [Fact]
    public void On_the_link_it_passes()
    {
        using var node = new Node(6, a: EndpointFlags.EgressEnforced);
        node.SetPolicy(Node.EndpointA);
        foreach (var (source, destination) in new[] { (node.A, "fe80::1"), (node.A, "febf::1"), ("fe80::10", "ff02::2"), ("::", "ff02::16"), (node.A, node.Router) })
        {
            var packet = Message(136, source, destination);
            var outcome = node.FromA(packet);
            Assert.Equal((Outcome.Pass, 0), (outcome.Verdict, outcome.Events.Count));
            Assert.Equal(packet, outcome.Packet);
        }
        // Who is on the link has used up no hop.
        node.FromA(Message(136, node.A, node.Router, hops: 254)).WasDropped(DropReason.Policy);
        node.FromA(Message(136, node.A, "fec0::1")).WasDropped(DropReason.Policy);
    }

    [Fact]
    public void Only_who_asks_for_the_gateway_is_answered()
    {
        using var node = new Node(6);
        foreach (var type in s_types)
        {
            var packet = Message(type, node.A, "ff02::1", target: node.Router);
            var outcome = node.FromA(packet);
            Assert.Equal((type == 135 ? Outcome.Redirect : Outcome.Pass, type == 135), (outcome.Verdict, !packet.AsSpan().SequenceEqual(outcome.Packet)));
        }
    }

    [Fact]
    public void Towards_a_pod_it_is_the_nodes_own()
    {
        using var node = Node.WithEverything(6, EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA);
        foreach (var type in s_types)
        {
            foreach (var program in new[] { "cil_to_container", "cil_from_netdev" })
                node.Bench.Run(program, Message(type, node.World, node.A), ingress: Bench.Device).WasDropped(DropReason.Policy);
            node.Bench.Run("cil_from_host", Message(type, node.Router, node.A)).WasDropped(DropReason.Policy);
        }
        foreach (var destination in new[] { node.A, "ff02::1:ff00:10" })
            Assert.Equal(Outcome.Pass, node.Bench.Run("cil_to_container", Message(135, "fe80::1", destination)).Verdict);
        node.Bench.Run("cil_to_container", Message(135, "fe80::1", node.A, hops: 64)).WasDropped(DropReason.Policy);
    }

    [Fact]
    public void The_nodes_neighbours_are_left_to_its_stack()
    {
        using var node = Node.WithEverything(6);
        foreach (var (source, destination) in new[] { ("fd77::2", node.Self), ("fe80::2", "ff02::1:ff00:1"), ("fe80::2", "fe80::1") })
            Assert.Equal(Outcome.Pass, node.Bench.Run("cil_from_netdev", Message(135, source, destination), ingress: Bench.Device).Verdict);
        foreach (var (source, destination) in new[] { (node.Self, "fd77::2"), (node.Self, node.World), ("fe80::1", "ff02::1") })
            Assert.Equal(Outcome.Pass, node.Bench.Run("cil_to_netdev", Message(136, source, destination)).Verdict);
        Assert.Empty(node.Connections());
        // A pod's does not leave the node under the pod's address.
        node.Bench.Run("cil_to_netdev", Message(136, node.A, node.World)).WasDropped(DropReason.SnatUnsupportedProtocol);
    }

    private static byte[] Message(byte type, string source, string destination, byte hops = 255, string? target = null)
    {
        var l4 = new byte[24];
        l4[0] = type;
        if (target is not null)
            System.Net.IPAddress.Parse(target).GetAddressBytes().CopyTo(l4, 8);
        return Frame.Ip(source, destination, Frame.IcmpV6, l4, hops);
    }
}
