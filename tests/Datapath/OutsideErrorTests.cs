using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>ICMP errors about what a service has answered to clients outside: routers on the way speak of it to the service's address.</summary>
public sealed class OutsideErrorTests
{
    private const ushort Client = 50000;
    private const uint SnatDone = 0x0300;

    [Theory, InlineData(4, Frame.Tcp), InlineData(6, Frame.Tcp), InlineData(4, Frame.Udp), InlineData(6, Frame.Udp)]
    public void A_pod_of_this_node_learns_what_became_of_its_answer(int family, byte protocol)
    {
        using var node = Served(family, protocol, node => node.A, node => node.Vip, 80);
        var error = node.Bench.Run("cil_from_netdev", Frame.Unreachable(Router(node), node.Vip, Packet(protocol, node.Vip, node.World, 80, Client)), ingress: Bench.Device);
        Assert.True(error.Drop is null, $"dropped: {error.Drop?.Reason} line {error.Drop?.Header.Line}");
        Assert.Equal((Outcome.Redirect, TraceReason.Related), (error.Verdict, error.Events[^1].Header.TraceReason));
        Assert.Equal((Router(node), node.A), (Frame.Source(error.Packet), Frame.Destination(error.Packet)));
        Assert.True(Frame.IsSound(error.Packet));
        Assert.Equal((node.A, node.World, (ushort)8080, Client), Ends(Frame.Quoted(error.Packet)));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_node_port_is_one_such_service(int family)
    {
        using var node = Served(family, Frame.Udp, node => node.A, node => node.Self, 30080);
        var error = node.Bench.Run("cil_from_netdev", Frame.Unreachable(node.World, node.Self, Packet(Frame.Udp, node.Self, node.World, 30080, Client)), ingress: Bench.Device);
        Assert.Equal((Outcome.Redirect, node.World, node.A), (error.Verdict, Frame.Source(error.Packet), Frame.Destination(error.Packet)));
        Assert.Equal((node.A, node.World, (ushort)8080, Client), Ends(Frame.Quoted(error.Packet)));
        // About what the node itself has sent, it is for the node.
        var own = Frame.Unreachable(node.World, node.Self, Packet(Frame.Udp, node.Self, node.World, 30080, Client + 1));
        var left = node.Bench.Run("cil_from_netdev", own, ingress: Bench.Device);
        Assert.Equal((Outcome.Pass, Convert.ToHexString(own)), (left.Verdict, Convert.ToHexString(left.Packet)));
    }

    [Theory, InlineData(4, true), InlineData(6, true), InlineData(4, false), InlineData(6, false)]
    public void A_pod_of_another_node_learns_it_from_us(int family, bool tunnel)
    {
        using var node = Served(family, Frame.Tcp, node => node.C, node => node.Vip, 80, tunnel);
        var sent = node.Bench.Run("cil_from_netdev", Packet(Frame.Tcp, node.World, node.Vip, Client, 80)).Packet;
        var error = node.Bench.Run("cil_from_netdev", Frame.Unreachable(Router(node), node.Vip, Packet(Frame.Tcp, node.Vip, node.World, 80, Client)), ingress: Bench.Device);
        Assert.True(error.Drop is null, $"dropped: {error.Drop?.Reason} line {error.Drop?.Header.Line}");
        Assert.Equal((Outcome.Redirect, tunnel ? 0x0400u : SnatDone), (error.Verdict, error.Mark));
        Assert.Equal((tunnel ? node.Router : node.Self, node.C), (Frame.Source(error.Packet), Frame.Destination(error.Packet)));
        Assert.True(Frame.IsSound(error.Packet));
        Assert.Equal((node.C, Frame.Source(sent), (ushort)8080, Frame.SourcePort(sent)), Ends(Frame.Quoted(error.Packet)));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_process_of_the_node_learns_it(int family)
    {
        using var node = Served(family, Frame.Udp, node => node.Self, node => node.Vip, 80);
        var error = node.Bench.Run("cil_from_netdev", Frame.Unreachable(Router(node), node.Vip, Packet(Frame.Udp, node.Vip, node.World, 80, Client)), ingress: Bench.Device);
        Assert.Equal((Outcome.Pass, TracePoint.ToHost), (error.Verdict, error.Events[^1].Point));
        Assert.Equal((Router(node), node.Self), (Frame.Source(error.Packet), Frame.Destination(error.Packet)));
        Assert.True(Frame.IsSound(error.Packet));
        Assert.Equal((node.Self, node.World, (ushort)8080, Client), Ends(Frame.Quoted(error.Packet)));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_pod_speaks_only_of_what_was_sent_to_it(int family)
    {
        foreach (var tunnel in new[] { true, false })
        {
            using var node = Served(family, Frame.Udp, node => tunnel ? node.A : node.C, node => node.Vip, 80, tunnel: false);
            var other = family == 4 ? "10.0.1.99" : "fd00:1::99";
            node.Know(other, 1099);
            var packet = Frame.Unreachable(other, node.Vip, Packet(Frame.Udp, node.Vip, node.World, 80, Client));
            var error = node.Bench.Run("cil_from_netdev", packet, ingress: Bench.Device);
            Assert.Equal((Outcome.Pass, Convert.ToHexString(packet)), (error.Verdict, Convert.ToHexString(error.Packet)));
        }
    }

    /// <summary>A client outside has asked the service once.</summary>
    private static Node Served(int family, byte protocol, Func<Node, string> backend, Func<Node, string> frontend, ushort port, bool tunnel = true)
    {
        var node = Node.WithEverything(family, EndpointFlags.IngressEnforced, obj => obj.TrySetConstant("enable_tunnel", [tunnel ? (byte)1 : (byte)0]));
        node.SetPolicy(Node.EndpointA, Node.Allow(PolicyDirection.Ingress, 2, protocol, 8080));
        node.AddService(frontend(node), port, protocol, FrontendFlags.LoadBalancer | FrontendFlags.Routable, (backend(node), 8080));
        Assert.NotEqual(Outcome.Shot, node.Bench.Run("cil_from_netdev", Packet(protocol, node.World, frontend(node), Client, port)).Verdict);
        return node;
    }

    private static string Router(Node node) => node.Family == 4 ? "198.51.100.1" : "2001:db8:1::1";

    private static byte[] Packet(byte protocol, string from, string to, ushort fromPort, ushort toPort) => protocol == Frame.Tcp
        ? Frame.TcpSegment(from, to, fromPort, toPort, Frame.Syn)
        : Frame.UdpDatagram(from, to, fromPort, toPort);

    private static (string, string, ushort, ushort) Ends(byte[] packet) =>
        (Frame.Source(packet), Frame.Destination(packet), Frame.SourcePort(packet), Frame.DestinationPort(packet));
}
