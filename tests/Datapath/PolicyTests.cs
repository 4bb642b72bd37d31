using Cilium.Datapath.Maps;
using static Cilium.DatapathTests.Node;

namespace Cilium.DatapathTests;

/// <summary>Allow and deny in both directions, for both families.</summary>
public sealed class PolicyTests
{
    private const PolicyDirection In = PolicyDirection.Ingress;
    private const PolicyDirection Out = PolicyDirection.Egress;

    [Theory, InlineData(4), InlineData(6)]
    public void Without_enforcement_everything_passes_without_a_verdict(int family)
    {
        using var node = new Node(family);
        var outcome = node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn));
        outcome.WentTo(TracePoint.ToEndpoint);
        Assert.Empty(outcome.Verdicts);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Enforced_egress_without_an_entry_is_dropped_by_default(int family)
    {
        using var node = new Node(family, a: EndpointFlags.EgressEnforced);
        node.SetPolicy(EndpointA);
        var outcome = node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn));
        outcome.WasDropped(DropReason.Policy);
        var verdict = Assert.Single(outcome.Verdicts);
        Assert.Equal(-133, verdict.Header.Verdict);
        Assert.Equal(MatchType.None, verdict.Match);
        Assert.Equal(2, verdict.Header.PolicyFlags & 3);
        Assert.Equal(family == 6, (verdict.Header.PolicyFlags & 4) != 0);
        Assert.Equal((IdentityA, IdentityB, (ushort)80, Frame.Tcp),
            (verdict.Header.SourceIdentity, verdict.Header.DestinationIdentity, verdict.Header.DestinationPort, verdict.Header.Protocol));
        Assert.Equal(EndpointA, outcome.Drop!.Header.SourceEndpoint);
        Assert.Equal(MetricDirection.Egress, outcome.Drop.Header.Direction);
        Assert.Equal(1UL, node.Bench.Dropped(DropReason.Policy));
        Assert.Empty(node.Connections());
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Enforced_ingress_is_decided_for_the_receiver(int family)
    {
        using var node = new Node(family, b: EndpointFlags.IngressEnforced);
        node.SetPolicy(EndpointB, Allow(In, IdentityA, Frame.Tcp, 80));
        var allowed = node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn));
        allowed.WentTo(TracePoint.ToEndpoint);
        var verdict = Assert.Single(allowed.Verdicts);
        Assert.Equal((0, MatchType.L3L4, 1, EndpointB), (verdict.Header.Verdict, verdict.Match, verdict.Header.PolicyFlags & 3, verdict.Header.SourceEndpoint));
        var denied = node.FromA(Frame.TcpSegment(node.A, node.B, 40001, 81, Frame.Syn));
        denied.WasDropped(DropReason.Policy);
        Assert.Equal((EndpointB, MetricDirection.Ingress), (denied.Drop!.Header.SourceEndpoint, denied.Drop.Header.Direction));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Deny_wins_whether_broader_or_narrower(int family)
    {
        using var node = new Node(family, a: EndpointFlags.EgressEnforced);
        node.SetPolicy(EndpointA, Allow(Out, IdentityB, Frame.Tcp, 80), Deny(Out, 0, Frame.Tcp, 80));
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn)).WasDropped(DropReason.PolicyDeny);
        node.SetPolicy(EndpointA, Allow(Out, 0), Deny(Out, IdentityB));
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn)).WasDropped(DropReason.PolicyDeny);
        node.FromA(Frame.TcpSegment(node.A, node.C, 40000, 80, Frame.Syn)).WentTo(TracePoint.ToOverlay);
    }

    [Theory]
    [InlineData(4, IdentityB, 0, 0, 16, MatchType.L3Only)]
    [InlineData(6, IdentityB, Frame.Tcp, 0, 16, MatchType.L3Proto)]
    [InlineData(4, IdentityB, Frame.Tcp, 80, 16, MatchType.L3L4)]
    [InlineData(6, 0, Frame.Tcp, 80, 16, MatchType.L4Only)]
    [InlineData(4, 0, Frame.Tcp, 0, 16, MatchType.ProtoOnly)]
    [InlineData(6, 0, 0, 0, 16, MatchType.All)]
    [InlineData(4, 0, Frame.Tcp, 64, 10, MatchType.L4Only)]
    public void The_match_type_says_which_part_decided(int family, uint identity, byte protocol, ushort port, int bits, MatchType expected)
    {
        using var node = new Node(family, a: EndpointFlags.EgressEnforced);
        node.SetPolicy(EndpointA, Allow(Out, identity, protocol, port, bits));
        var outcome = node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn));
        outcome.WentTo(TracePoint.ToEndpoint);
        Assert.Equal(expected, Assert.Single(outcome.Verdicts).Match);
    }

    [Theory]
    [InlineData(4, 1023, false), InlineData(4, 1024, true), InlineData(6, 2047, true), InlineData(6, 2048, false)]
    public void A_port_range_is_a_prefix_of_the_port(int family, ushort port, bool passes)
    {
        using var node = new Node(family, a: EndpointFlags.EgressEnforced);
        node.SetPolicy(EndpointA, Allow(Out, IdentityB, Frame.Udp, 1024, 6));
        var outcome = node.FromA(Frame.UdpDatagram(node.A, node.B, 5000, port));
        Assert.Equal(passes, outcome.Drop is null);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Echo_is_matched_by_its_type(int family)
    {
        using var node = new Node(family, a: EndpointFlags.EgressEnforced);
        var (protocol, type) = family == 4 ? (Frame.Icmp, (ushort)8) : (Frame.IcmpV6, (ushort)128);
        node.SetPolicy(EndpointA, Allow(Out, IdentityB, protocol, type));
        node.FromA(Frame.Echo(node.A, node.B, 77)).WentTo(TracePoint.ToEndpoint);
        node.SetPolicy(EndpointA, Allow(Out, IdentityB, protocol, 13));
        node.FromA(Frame.Echo(node.A, node.B, 78)).WasDropped(DropReason.Policy);
    }

    [Fact]
    public void Another_type_of_ICMP_is_not_the_echo_whose_id_is_its_number()
    {
        const byte Redirect = 137;
        using var node = new Node(6, a: EndpointFlags.EgressEnforced);
        node.SetPolicy(EndpointA, Allow(Out, IdentityB, Frame.IcmpV6, 129));
        node.FromA(Frame.Echo(node.A, node.B, Redirect, reply: true)).WentTo(TracePoint.ToEndpoint);
        node.FromA(Frame.Ip(node.A, node.B, Frame.IcmpV6, [Redirect, .. new byte[15]])).WasDropped(DropReason.Policy);
        node.FromB(Frame.Ip(node.B, node.A, Frame.IcmpV6, [Redirect, .. new byte[15]])).WentTo(TracePoint.ToEndpoint);
        // The same type from the other end is no reply.
        node.FromA(Frame.Ip(node.A, node.B, Frame.IcmpV6, [Redirect, .. new byte[15]])).WasDropped(DropReason.Policy);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Replies_need_no_policy(int family)
    {
        using var node = new Node(family, a: EndpointFlags.IngressEnforced, b: EndpointFlags.EgressEnforced);
        node.SetPolicy(EndpointA);
        node.SetPolicy(EndpointB);
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn)).WentTo(TracePoint.ToEndpoint);
        var reply = node.FromB(Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Syn | Frame.Ack));
        reply.WentTo(TracePoint.ToEndpoint);
        Assert.Equal(TraceReason.Reply, reply.Trace!.Header.TraceReason);
        node.FromB(Frame.TcpSegment(node.B, node.A, 81, 40000, Frame.Syn | Frame.Ack)).WasDropped(DropReason.Policy);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_policy_change_cuts_a_live_connection(int family)
    {
        using var node = new Node(family, a: EndpointFlags.EgressEnforced);
        node.SetPolicy(EndpointA, Allow(Out, IdentityB));
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn)).WentTo(TracePoint.ToEndpoint);
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Ack)).WentQuietly();
        node.SetPolicy(EndpointA, Allow(Out, IdentityC));
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Ack)).WasDropped(DropReason.Policy);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_peer_whose_identity_changes_is_decided_anew(int family)
    {
        using var node = new Node(family, a: EndpointFlags.EgressEnforced);
        node.SetPolicy(EndpointA, Allow(Out, IdentityC));
        node.FromA(Frame.TcpSegment(node.A, node.C, 40000, 80, Frame.Syn)).WentTo(TracePoint.ToOverlay);
        node.Know(node.C, 2222, "192.168.0.2");
        node.FromA(Frame.TcpSegment(node.A, node.C, 40000, 80, Frame.Ack)).WasDropped(DropReason.Policy);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_verdict_is_kept_under_the_stamp(int family)
    {
        using var node = new Node(family, a: EndpointFlags.EgressEnforced, b: EndpointFlags.IngressEnforced);
        node.SetPolicy(EndpointA, Allow(Out, 0));
        node.SetPolicy(EndpointB, Allow(In, 0));
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn)).WentTo(TracePoint.ToEndpoint);
        var entry = node.OnlyConnection().Value;
        Assert.Equal((101u, 102u), (entry.Egress.Stamp, entry.Ingress.Stamp));
        // An entry that goes without a new stamp is not noticed by a connection that has its verdict.
        new Cilium.Bpf.ArrayOfMapsBpf(node.Bench.Map("cilium_policy")).Delete(EndpointA);
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Ack)).WentQuietly();
        node.FromA(Frame.TcpSegment(node.A, node.B, 40001, 80, Frame.Syn)).WasDropped(DropReason.NoEndpointPolicy);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Every_packet_that_an_entry_decides_is_counted_there(int family)
    {
        using var node = new Node(family, a: EndpointFlags.EgressEnforced);
        node.SetPolicy(EndpointA, Allow(Out, IdentityB, Frame.Tcp, 80), Deny(Out, 0, Frame.Tcp, 81));
        var syn = Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn);
        var data = Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Ack, 100);
        node.FromA(syn);
        node.FromA(data);
        node.FromA(data);
        node.FromB(Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Ack, 500));
        var denied = Frame.TcpSegment(node.A, node.B, 40001, 81, Frame.Syn);
        node.FromA(denied);
        // Replies are nobody's: no entry was asked.
        Assert.Equal(new MetricsValue(3, (ulong)(syn.Length + (2 * data.Length))), node.CountOf(501));
        Assert.Equal(new MetricsValue(1, (ulong)denied.Length), node.CountOf(502));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void In_audit_mode_a_denied_packet_passes_and_is_reported(int family)
    {
        using var node = new Node(family, a: EndpointFlags.EgressEnforced | EndpointFlags.PolicyAudit);
        node.SetPolicy(EndpointA);
        var outcome = node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn));
        outcome.WentTo(TracePoint.ToEndpoint);
        var verdict = Assert.Single(outcome.Verdicts);
        Assert.Equal((-133, 64), (verdict.Header.Verdict, verdict.Header.PolicyFlags & 64));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void From_the_stack_ingress_policy_applies_to_the_node_too(int family)
    {
        using var node = new Node(family, a: EndpointFlags.IngressEnforced);
        node.SetPolicy(EndpointA, Allow(In, 1));
        var packet = Frame.TcpSegment(node.Self, node.A, 40000, 80, Frame.Syn);
        node.Bench.Run("cil_to_container", packet).WentTo(TracePoint.ToEndpoint, Outcome.Pass);
        node.SetPolicy(EndpointA, Allow(In, IdentityB));
        node.Bench.Run("cil_to_container", packet).WasDropped(DropReason.Policy);
        // Marked as handled on its way: neither judged again nor left marked.
        var handled = node.Bench.Run("cil_to_container", packet, mark: 0x0F00);
        Assert.Equal((Outcome.Pass, 0u), (handled.Verdict, handled.Mark));
    }
}
