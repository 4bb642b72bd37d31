using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Packets;
using Cilium.Hubble.Printing;

namespace Cilium.Hubble.Tests.Flows;

public sealed class FlowDerivationTests
{
    private readonly Scene _scene = new();

    [Fact]
    public async Task A_trace_is_forwarded_and_its_ends_are_named()
    {
        var flow = await _scene.Only(_scene.Trace());

        Assert.Equal(Proto.Verdict.Forwarded, flow.Verdict);
        Assert.Equal(Proto.TraceObservationPoint.ToEndpoint, flow.TraceObservationPoint);
        Assert.Equal(Proto.TraceReason.New, flow.TraceReason);
        Assert.False(flow.IsReply);
        Assert.Equal(Proto.TrafficDirection.Ingress, flow.TrafficDirection);
        Assert.Equal(("default", "client", 34512u, 10u), (flow.Source.Namespace, flow.Source.PodName, flow.Source.Identity, flow.Source.ID));
        Assert.Equal(("default", "web-0", 21001u, "kind"), (flow.Destination.Namespace, flow.Destination.PodName, flow.Destination.Identity, flow.Destination.ClusterName));
        Assert.Equal(["k8s:app=client", "k8s:io.kubernetes.pod.namespace=default"], flow.Source.Labels);
        Assert.Equal("Deployment", Assert.Single(flow.Source.Workloads).Kind);
        Assert.Equal((7u, "lxcweb"), (flow.Interface.Index, flow.Interface.Name));
        Assert.Equal("2024-01-02T15:04:05.123Z", flow.Time.ToDateTimeOffset().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(36, flow.Uuid.Length);
    }

    [Fact]
    public async Task Only_pods_belong_to_a_cluster()
    {
        var flow = await _scene.Only(_scene.Trace() with { SourceIdentity = new Identity(4) }, PacketBytes.Tcp(Scene.Health, 40312, Scene.Server, 80, TcpFlags.Syn));

        Assert.Equal((30u, ""), (flow.Source.ID, flow.Source.ClusterName));
        Assert.Equal("kind", flow.Destination.ClusterName);
    }

    [Fact]
    public async Task A_process_of_the_node_that_asks_a_service_is_the_host()
    {
        var flow = await _scene.Only(new DatapathEvent
        {
            Type = DatapathEventType.TraceSock,
            SubType = 1,
            MonotonicNs = _scene.Trace().MonotonicNs,
            Protocol = L4Protocol.Tcp,
            DestinationPort = 80,
            OriginalAddress = IpAddr.Parse("10.96.0.10"),
            NetnsCookie = Scene.NodeCookie,
        });

        Assert.Equal((Scene.Node, 1u), (flow.IP.Source, flow.Source.Identity));
        Assert.Equal("web", flow.DestinationService.Name);
        Assert.Equal(["zone=a"], flow.NodeLabels);
    }

    [Fact]
    public async Task A_reply_goes_the_other_way()
    {
        var packet = PacketBytes.Tcp(Scene.Server, 80, Scene.Client, 40312, TcpFlags.Syn | TcpFlags.Ack);
        var reply = _scene.Trace(reason: 2, source: 10) with { SourceIdentity = new Identity(21001), DestinationIdentity = new Identity(34512) };

        var flow = await _scene.Only(reply, packet);

        Assert.True(flow.IsReply);
        Assert.Equal(Proto.TraceReason.Reply, flow.TraceReason);
        Assert.Equal(Proto.TrafficDirection.Egress, flow.TrafficDirection);
    }

    [Fact]
    public async Task An_unknown_reason_leaves_direction_and_reply_unset()
    {
        var flow = await _scene.Only(_scene.Trace(point: 4, reason: 5));

        Assert.Null(flow.IsReply);
        Assert.Equal(Proto.TrafficDirection.Unknown, flow.TrafficDirection);
        Assert.Equal(Proto.TraceObservationPoint.ToOverlay, flow.TraceObservationPoint);
    }

    [Fact]
    public async Task A_drop_has_its_reason_and_place()
    {
        var flow = await _scene.Only(_scene.Drop(133));

        Assert.Equal(Proto.Verdict.Dropped, flow.Verdict);
        Assert.Equal(Proto.DropReason.PolicyDenied, flow.DropReasonDesc);
        Assert.Equal(("bpf_lxc.c", 1200u), (flow.File.Name, flow.File.Line));
        Assert.Null(flow.IsReply);
        Assert.Equal((1, 133), (flow.EventType.Type, flow.EventType.SubType));
    }

    [Theory]
    [InlineData(0, Proto.Verdict.Forwarded)]
    [InlineData(10001, Proto.Verdict.Redirected)]
    [InlineData(-133, Proto.Verdict.Dropped)]
    public async Task A_policy_verdict_tells_the_outcome(int verdict, Proto.Verdict expected)
    {
        var flow = await _scene.Only(_scene.Verdict(verdict, 2));

        Assert.Equal(expected, flow.Verdict);
        Assert.Equal(2u, flow.PolicyMatchType);
        Assert.Equal(Proto.TrafficDirection.Ingress, flow.TrafficDirection);
        Assert.Equal(verdict < 0, flow.IsReply is null);
    }

    [Theory]
    [InlineData(0, TrafficDirection.Ingress, "IngressAllowedBy")]
    [InlineData(10001, TrafficDirection.Ingress, "IngressAllowedBy")]
    [InlineData(-181, TrafficDirection.Ingress, "IngressDeniedBy")]
    [InlineData(0, TrafficDirection.Egress, "EgressAllowedBy")]
    [InlineData(-181, TrafficDirection.Egress, "EgressDeniedBy")]
    [InlineData(-133, TrafficDirection.Ingress, null)]
    public async Task A_policy_verdict_names_the_policies_that_gave_it(int verdict, TrafficDirection direction, string? expected)
    {
        var policies = new NamedPolicies();
        _scene.Index.Update(builder => builder.Policies[new EndpointId(20)] = policies);

        var flow = await _scene.Only(_scene.Verdict(verdict, 2) with { Direction = direction });

        var named = new Dictionary<string, IReadOnlyList<Proto.Policy>>
        {
            ["IngressAllowedBy"] = flow.IngressAllowedBy,
            ["IngressDeniedBy"] = flow.IngressDeniedBy,
            ["EgressAllowedBy"] = flow.EgressAllowedBy,
            ["EgressDeniedBy"] = flow.EgressDeniedBy,
        };
        Assert.Equal(expected is null ? [] : [expected], named.Where(list => list.Value.Count > 0).Select(list => list.Key));
        if (expected is null)
        {
            Assert.Empty(policies.Asked);
            return;
        }

        var policy = Assert.Single(named[expected]);
        Assert.Equal(("CiliumNetworkPolicy", "default", "web", 7ul), (policy.Kind, policy.Namespace, policy.Name, policy.Revision));
        Assert.Equal(["k8s:io.cilium.k8s.policy.name=web"], policy.Labels);
        var asked = Assert.Single(policies.Asked);
        var peer = direction == TrafficDirection.Ingress ? (Identity: 34512u, App: "k8s:app=client") : (Identity: 21001u, App: "k8s:app=web");
        Assert.Equal((direction, new Identity(peer.Identity), L4Protocol.Tcp, (ushort)80, verdict < 0), (asked.Direction, asked.Peer, asked.Protocol, asked.Port, asked.IsDenied));
        Assert.Contains(peer.App, asked.PeerLabels);
    }

    [Fact]
    public async Task A_verdict_keeps_the_policies_of_its_time_and_is_printed_with_them()
    {
        _scene.Index.Update(builder => builder.Policies[new EndpointId(20)] = new NamedPolicies());
        _scene.Record(_scene.Verdict(0, 2));
        _scene.Index.Update(builder => builder.Policies.Remove(new EndpointId(20)));
        _scene.Record(_scene.Verdict(0, 2));

        var flows = (await _scene.Get(new Proto.GetFlowsRequest { Number = 2 })).ConvertAll(response => response.Flow);

        Assert.Equal([" BY web (CiliumNetworkPolicy)", ""], flows.Select(FlowText.Policies));
    }

    [Fact]
    public async Task An_address_before_translation_replaces_the_source()
    {
        var flow = await _scene.Only(_scene.Trace(point: 11) with { OriginalAddress = IpAddr.Parse("10.0.0.9") });

        Assert.Equal(("10.0.0.9", Scene.Client), (flow.IP.Source, flow.IP.SourceXlated));
    }

    [Fact]
    public async Task The_identity_of_an_unknown_address_comes_from_its_prefix()
    {
        var packet = PacketBytes.Udp("1.1.1.1", 53, Scene.Client, 5000);
        var flow = await _scene.Only(_scene.Trace() with { SourceIdentity = Identity.Unknown }, packet);

        Assert.Equal(2u, flow.Source.Identity);
        Assert.Equal(["reserved:world"], flow.Source.Labels);
    }

    [Fact]
    public async Task A_service_address_is_named()
    {
        var packet = PacketBytes.Tcp(Scene.Client, 40312, "10.96.0.10", 80, TcpFlags.Syn);
        var flow = await _scene.Only(_scene.Trace(point: 5), packet);

        Assert.Equal(("web", "default"), (flow.DestinationService.Name, flow.DestinationService.Namespace));
    }

    [Theory]
    [InlineData(1, Proto.Verdict.Traced, "pre-xlate-fwd")]
    [InlineData(2, Proto.Verdict.Translated, "post-xlate-fwd")]
    [InlineData(3, Proto.Verdict.Traced, "pre-xlate-rev")]
    [InlineData(4, Proto.Verdict.Translated, "post-xlate-rev")]
    public async Task A_translated_socket_is_a_flow_of_its_own(byte point, Proto.Verdict verdict, string type)
    {
        var datapathEvent = new DatapathEvent
        {
            Type = DatapathEventType.TraceSock,
            SubType = point,
            OriginalAddress = IpAddr.Parse(Scene.Server),
            DestinationPort = 80,
            Protocol = L4Protocol.Tcp,
            SocketCookie = 77,
            CgroupId = 4242,
            NetnsCookie = 99,
        };

        _scene.Index.Update(builder => builder.Namespaces[99] = new HubbleNamespace(IpAddr.Parse(Scene.Client), IpAddr.None));
        var flow = await _scene.Only(datapathEvent, []);

        Assert.Null(flow.IsReply);
        Assert.Equal("client", (point > 2 ? flow.Destination : flow.Source).PodName);
        Assert.Equal(verdict, flow.Verdict);
        Assert.Equal(Proto.FlowType.Sock, flow.Type);
        Assert.Equal((77ul, 4242ul), (flow.SocketCookie, flow.CgroupId));
        Assert.Equal(type, FlowText.Type(flow));
        Assert.Equal("web-0", (point > 2 ? flow.Source : flow.Destination).PodName);
    }

    [Fact]
    public async Task A_flow_keeps_the_names_of_its_time()
    {
        _scene.Record(_scene.Trace());
        _scene.Index.RemoveEndpoint(IpAddr.Parse(Scene.Client));

        Assert.Equal("client", (await _scene.Get()).Single().Flow.Source.PodName);
        Assert.Equal("", (await _scene.Only(_scene.Trace())).Source.PodName);
    }

    private sealed class NamedPolicies : IHubblePolicies
    {
        public List<HubbleVerdict> Asked { get; } = [];

        public IEnumerable<HubblePolicy> Behind(in HubbleVerdict verdict)
        {
            Asked.Add(verdict);
            return [new HubblePolicy("CiliumNetworkPolicy", "default", "web", ["k8s:io.cilium.k8s.policy.name=web"], 7)];
        }
    }
}
