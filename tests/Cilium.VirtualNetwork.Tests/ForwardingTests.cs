using Cilium.Core;

namespace Cilium.VirtualNetwork.Tests;

public sealed class ForwardingTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_pod_reaches_one_of_another_node_through_two_routers(bool isIPv6)
    {
        using var net = new Topology(isIPv6);
        var far = Topology.AddressOf(Topology.Pod(net.Second));
        var echo = Topology.Pod(net.First).Sockets.Echo(far);
        net.Fabric.Run();
        Assert.Equal([far], echo.Replies);
        Assert.Null(echo.LastError);
        Assert.Empty(net.Fabric.Drops);
        Assert.True(net.Fabric.IsIdle);
    }

    [Fact]
    public void The_second_packet_asks_nobody_for_addresses()
    {
        using var net = new Topology();
        var pod = Topology.Pod(net.First);
        var far = Topology.AddressOf(Topology.Pod(net.Second));
        pod.Sockets.Echo(far);
        var first = net.Fabric.Run();
        pod.Sockets.Echo(far);
        Assert.True(net.Fabric.Run() < first);
    }

    [Theory]
    [InlineData(false, 11, 0)]
    [InlineData(true, 3, 0)]
    public void A_packet_without_hops_left_is_reported_to_its_sender(bool isIPv6, byte type, byte code)
    {
        using var net = new Topology(isIPv6);
        var pod = Topology.Pod(net.First);
        using var socket = pod.Sockets.OpenUdp();
        var (from, to) = (Topology.AddressOf(pod), Topology.AddressOf(Topology.Pod(net.Second)));
        var frame = Wire.FrameWriter.UdpDatagram(new Endpoint(from, socket.Port), new Endpoint(to, 53), [1, 2, 3], ttl: 2);
        pod.Send(frame.AsSpan(Wire.IpPacket.EthernetBytes));
        net.Fabric.Run();
        Assert.Equal((type, code), (socket.LastError!.Value.Type, socket.LastError.Value.Code));
        Assert.Equal(1, net.Fabric.Drops[DropCause.HopsExhausted]);
        Assert.Equal(Topology.Nic(net.Second).Namespace.SourceFor(from), socket.LastError.Value.From);
    }

    [Theory]
    [InlineData(false, 3, 4)]
    [InlineData(true, 2, 0)]
    public void A_packet_longer_than_the_way_is_refused_with_an_error(bool isIPv6, byte type, byte code)
    {
        using var net = new Topology(isIPv6);
        Topology.Nic(net.First).Mtu = 1300;
        using var socket = Topology.Pod(net.First).Sockets.OpenUdp();
        Assert.Equal(0, socket.SendTo(new byte[1400], new Endpoint(Topology.AddressOf(Topology.Pod(net.Second)), 53)));
        net.Fabric.Run();
        Assert.Equal((type, code), (socket.LastError!.Value.Type, socket.LastError.Value.Code));
        Assert.Equal(1, net.Fabric.Drops[DropCause.TooBig]);
    }

    [Fact]
    public void Where_no_route_leads_and_where_nobody_answers_the_sender_is_told()
    {
        using var net = new Topology();
        var pod = Topology.Pod(net.First);
        var nowhere = pod.Sockets.Echo(IpAddr.Parse("203.0.113.1"));
        var nobody = pod.Sockets.Echo(IpAddr.Parse("192.168.0.77"));
        net.Fabric.Run();
        Assert.Equal((3, 0), (nowhere.LastError!.Value.Type, nowhere.LastError.Value.Code));
        Assert.Equal((3, 1), (nobody.LastError!.Value.Type, nobody.LastError.Value.Code));
        Assert.Equal(1, net.Fabric.Drops[DropCause.NoRoute]);
        Assert.Equal(1, net.Fabric.Drops[DropCause.NoNeighbour]);
    }

    [Fact]
    public void The_longest_prefix_decides()
    {
        using var fabric = new Fabric();
        var ns = fabric.AddNode("n").Host;
        var devices = Enumerable.Range(0, 3).Select(i => ns.AddPort($"p{i}")).ToArray();
        foreach (var (text, device) in new[] { ("0.0.0.0/0", 0), ("10.0.0.0/8", 1), ("10.1.0.0/16", 2), ("::/0", 0) })
            ns.Routes.Add(new VirtualRoute { Destination = Prefix.Parse(text), Interface = devices[device] });
        Assert.Equal("p2", ns.Routes.Find(IpAddr.Parse("10.1.2.3"))!.Interface.Name);
        Assert.Equal("p1", ns.Routes.Find(IpAddr.Parse("10.2.2.3"))!.Interface.Name);
        Assert.Equal("p0", ns.Routes.Find(IpAddr.Parse("11.2.2.3"))!.Interface.Name);
        Assert.True(ns.Routes.Remove(Prefix.Parse("10.1.0.0/16")));
        Assert.Equal("p1", ns.Routes.Find(IpAddr.Parse("10.1.2.3"))!.Interface.Name);
        devices[1].IsUp = false;
        Assert.Equal("p0", ns.Routes.Find(IpAddr.Parse("10.1.2.3"))!.Interface.Name);
    }

    [Fact]
    public void Routes_that_lead_in_a_circle_end_with_the_hop_count_and_devices_that_do_end_as_a_loop()
    {
        using var net = new Topology();
        // Both nodes think that the other one has it.
        foreach (var (node, other) in new[] { (net.First, "192.168.0.2"), (net.Second, "192.168.0.1") })
            node.Host.Routes.Add(new VirtualRoute { Destination = Prefix.Parse("172.16.0.0/12"), Interface = Topology.Nic(node), Gateway = IpAddr.Parse(other) });
        Topology.Pod(net.First).Sockets.Echo(IpAddr.Parse("172.16.0.1"));
        net.Fabric.Run();
        Assert.Equal(1, net.Fabric.Drops.GetValueOrDefault(DropCause.HopsExhausted) + net.Fabric.Drops.GetValueOrDefault(DropCause.Loop));
        Assert.True(net.Fabric.IsIdle);
    }

    [Fact]
    public void A_removed_namespace_takes_its_devices_and_their_other_ends_along()
    {
        using var net = new Topology();
        net.First.RemoveNamespace(Topology.Pod(net.First));
        Assert.Null(net.First.Host.InterfaceOrNull("lxc"));
        Assert.DoesNotContain(net.First.Host.Routes.All, route => route.Interface.Name == "lxc");
        var echo = Topology.Pod(net.Second).Sockets.Echo(IpAddr.Parse("10.0.1.10"));
        net.Fabric.Run();
        Assert.Empty(echo.Replies);
    }

    [Fact]
    public void Everything_happens_the_same_way_again()
    {
        Assert.Equal(Trace(), Trace());

        static List<string> Trace()
        {
            using var net = new Topology();
            var frames = new List<string>();
            net.Segment.Listener = frame => frames.Add(Convert.ToHexString(frame));
            using var listener = Topology.Pod(net.Second).Sockets.Listen(80);
            var connection = Topology.Pod(net.First).Sockets.ConnectTcp(new Endpoint(Topology.AddressOf(Topology.Pod(net.Second)), 80));
            net.Fabric.Run();
            connection.Send("hello"u8);
            net.Fabric.Run();
            // Question and answer for an Ethernet address, three segments that open, data, and its acknowledgement.
            Assert.Equal(7, frames.Count);
            return frames;
        }
    }
}
