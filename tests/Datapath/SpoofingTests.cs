using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>The source address of a packet that did not originate here is what its sender wrote: it makes nobody the node.</summary>
public sealed class SpoofingTests
{
    private const uint Host = 1;
    private const uint RemoteNode = 6;

    [Theory, InlineData(4), InlineData(6)]
    public void Nobody_is_the_node_by_its_address(int family)
    {
        using var node = Guarded(family);
        foreach (var own in new[] { node.Self, node.Router })
        {
            var packet = Frame.TcpSegment(own, node.A, 40000, 80, Frame.Syn);
            foreach (var program in new[] { "cil_from_netdev", "cil_from_host", "cil_to_container" })
            {
                var outcome = node.Bench.Run(program, packet, ingress: Bench.Device);
                outcome.WasDropped(DropReason.Policy);
                Assert.Equal(2u, outcome.Drop!.Header.SourceIdentity);
            }
            node.Bench.Run("cil_from_host", packet).WentTo(TracePoint.ToEndpoint);
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Nobody_reaches_a_service_as_the_node(int family)
    {
        using var node = Guarded(family);
        node.AddService(node.Vip, 80, Frame.Tcp, FrontendFlags.LoadBalancer | FrontendFlags.Routable, (node.A, 8080));
        var packet = Frame.TcpSegment(node.Self, node.Vip, 40000, 80, Frame.Syn);
        foreach (var program in new[] { "cil_from_netdev", "cil_to_netdev" })
            node.Bench.Run(program, packet, ingress: Bench.Device).WasDropped(DropReason.Policy);
        node.Bench.Run("cil_to_netdev", packet).WentTo(TracePoint.ToEndpoint);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Another_node_is_known_by_its_address(int family)
    {
        using var node = Guarded(family);
        var outcome = node.Bench.Run("cil_from_netdev", Frame.TcpSegment(family == 4 ? "192.168.0.2" : "fd77::2", node.A, 40000, 4240, Frame.Syn), ingress: Bench.Device);
        outcome.WentTo(TracePoint.ToEndpoint);
        Assert.Equal(RemoteNode, outcome.Trace!.Header.SourceIdentity);
    }

    /// <summary>Pod A takes in what nodes send, and nothing else.</summary>
    private static Node Guarded(int family)
    {
        var node = Node.WithEverything(family, EndpointFlags.IngressEnforced);
        node.Know(node.Self, Host);
        node.Know(node.Router, Host);
        node.SetPolicy(Node.EndpointA, Node.Allow(PolicyDirection.Ingress, Host), Node.Allow(PolicyDirection.Ingress, RemoteNode));
        return node;
    }
}
