using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>An ICMP error passes as part of the connection it quotes, if it comes from that connection's end or from a router.</summary>
public sealed class RelatedTests
{
    [Theory, InlineData(4), InlineData(6)]
    public void An_error_about_the_connection_of_others_is_judged_as_what_it_is(int family)
    {
        using var node = new Node(family, a: EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA);
        var sent = Frame.UdpDatagram(node.A, node.C, 1000, 2000);
        node.FromA(sent).WentTo(TracePoint.ToOverlay);
        node.FromB(Frame.Unreachable(node.B, node.A, sent)).WasDropped(DropReason.Policy);
        _ = node.OnlyConnection();
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Egress_policy_of_its_sender_is_asked(int family)
    {
        using var node = new Node(family, b: EndpointFlags.EgressEnforced);
        node.SetPolicy(Node.EndpointB);
        var sent = Frame.UdpDatagram(node.A, node.C, 1000, 2000);
        node.FromA(sent).WentTo(TracePoint.ToOverlay);
        node.FromB(Frame.Unreachable(node.B, node.A, sent)).WasDropped(DropReason.Policy);
        var own = Frame.UdpDatagram(node.A, node.B, 1000, 2000);
        node.FromA(own).WentTo(TracePoint.ToEndpoint);
        node.FromB(Frame.Unreachable(node.B, node.A, own)).WentTo(TracePoint.ToEndpoint);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_pod_of_another_node_may_quote_its_own_connections_and_a_router_any(int family)
    {
        using var node = Node.WithEverything(family, EndpointFlags.IngressEnforced, obj => obj.TrySetConstant("enable_tunnel", [0]));
        node.SetPolicy(Node.EndpointA);
        var (own, foreign) = (Frame.UdpDatagram(node.A, node.C, 1000, 2000), Frame.UdpDatagram(node.A, node.World, 1000, 2000));
        foreach (var sent in new[] { own, foreign })
            node.FromA(sent).WentTo(TracePoint.ToStack, Outcome.Pass);
        From(node.C, own).WentTo(TracePoint.ToEndpoint);
        From(node.C, foreign).WasDropped(DropReason.Policy);
        From(family == 4 ? "192.168.0.2" : "fd77::2", own).WentTo(TracePoint.ToEndpoint);
        From(family == 4 ? "198.51.100.1" : "2001:db8:1::1", own).WentTo(TracePoint.ToEndpoint);

        Outcome From(string source, byte[] quoted) =>
            node.Bench.Run("cil_from_netdev", Frame.Unreachable(source, node.A, quoted), ingress: Bench.Device);
    }
}
