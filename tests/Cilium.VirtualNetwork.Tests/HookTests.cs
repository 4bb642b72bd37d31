using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Core;

namespace Cilium.VirtualNetwork.Tests;

/// <summary>What verdicts do with frames, and what frames remember on the way.</summary>
public sealed class HookTests
{
    [Fact]
    public void A_program_that_shoots_ends_the_frame_and_the_ones_behind_it_see_nothing()
    {
        using var net = new Topology();
        Topology.Lxc(net.First).Attach(net.Program(net.First, "look"), TcDirection.Ingress);
        Topology.Lxc(net.First).Attach(net.Program(net.First, "shoot"), TcDirection.Ingress);
        Topology.Lxc(net.First).Attach(net.Program(net.First, "paint"), TcDirection.Ingress);
        var echo = Topology.Pod(net.First).Sockets.Echo(Topology.AddressOf(Topology.Pod(net.Second)));
        net.Fabric.Run();
        Assert.Empty(echo.Replies);
        // Only the question for the gateway's address was seen, and shot.
        Assert.Equal(1u, net.Seen(net.First, 8));
        Assert.Equal(1, net.Fabric.Drops[DropCause.Program]);
        Assert.Equal(1, net.Fabric.Drops[DropCause.NoNeighbour]);
    }

    [Fact]
    public void A_mark_lasts_within_the_namespace_and_ends_with_it_while_the_control_block_ends_with_the_device()
    {
        using var net = new Topology();
        Topology.Lxc(net.First).Attach(net.Program(net.First, "paint"), TcDirection.Ingress);
        Topology.Nic(net.First).Attach(net.Program(net.First, "look"), TcDirection.Egress);
        Topology.Nic(net.Second).Attach(net.Program(net.Second, "look"), TcDirection.Ingress);
        Topology.Pod(net.First).Sockets.Echo(Topology.AddressOf(Topology.Pod(net.Second)));
        net.Fabric.Run();
        Assert.Equal(0xABCu, net.Seen(net.First, 0));
        Assert.Equal(Topology.Lxc(net.First).Index, net.Seen(net.First, 1));
        Assert.Equal(0u, net.Seen(net.First, 3));
        Assert.Equal(0u, net.Seen(net.Second, 0));
        Assert.Equal(Topology.Nic(net.Second).Index, net.Seen(net.Second, 1));
    }

    [Fact]
    public void A_redirect_to_the_peer_skips_the_device_and_keeps_the_mark()
    {
        using var net = new Topology();
        var lxc = Topology.Lxc(net.Second);
        Topology.Nic(net.Second).Attach(net.Program(net.Second, "paint", target: lxc.Index), TcDirection.Ingress);
        Topology.Nic(net.Second).Attach(net.Program(net.Second, "to_peer"), TcDirection.Ingress);
        var inside = Topology.Pod(net.Second).InterfaceOrNull("eth0")!;
        inside.Attach(net.Program(net.Second, "look"), TcDirection.Ingress);
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        using var socket = Topology.Pod(net.First).Sockets.OpenUdp();
        socket.SendTo([1], new Endpoint(Topology.AddressOf(Topology.Pod(net.Second)), 53));
        net.Fabric.Run();
        Assert.Equal(0xABCu, net.Seen(net.Second, 0));
        Assert.Equal(0u, net.Seen(net.Second, 2));
        Assert.Equal(inside.Index, net.Seen(net.Second, 1));
        Assert.Equal(1u, net.Seen(net.Second, 8));
        Assert.True(at.TryReceive(out _));
    }

    [Theory]
    [InlineData(2u, true)]
    [InlineData(0u, false)]
    public void A_redirect_to_a_named_neighbour_needs_no_route(uint family, bool arrives)
    {
        using var net = new Topology();
        // Nobody knows the way but the program: by the other node's network card.
        Assert.True(net.First.Host.Routes.Remove(Prefix.Parse("10.0.2.0/24")));
        var hop = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(IPAddressOf(Topology.Nic(net.Second)));
        Topology.Lxc(net.First).Attach(net.Program(net.First, "to_named_neighbour", target: Topology.Nic(net.First).Index, remote: hop, family: family), TcDirection.Ingress);
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        using var socket = Topology.Pod(net.First).Sockets.OpenUdp();
        socket.SendTo([1], new Endpoint(Topology.AddressOf(Topology.Pod(net.Second)), 53));
        net.Fabric.Run();
        Assert.Equal(arrives, at.TryReceive(out _));
        Assert.Equal(arrives ? 0 : 1, net.Fabric.Drops.GetValueOrDefault(DropCause.RedirectRefused));

        static byte[] IPAddressOf(VirtualInterface device) => device.Addresses[0].ToFamilyBytes();
    }

    [Fact]
    public void A_redirect_out_of_a_pair_reaches_the_pod_though_the_node_does_not_forward()
    {
        using var net = new Topology();
        net.Second.Host.ForwardsIPv4 = false;
        Topology.Nic(net.Second).Attach(net.Program(net.Second, "to_neighbour", target: Topology.Lxc(net.Second).Index), TcDirection.Ingress);
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        using var socket = Topology.Pod(net.First).Sockets.OpenUdp();
        socket.SendTo([1], new Endpoint(Topology.AddressOf(Topology.Pod(net.Second)), 53));
        net.Fabric.Run();
        Assert.True(at.TryReceive(out _));
        Assert.Equal(0, net.Fabric.Drops.GetValueOrDefault(DropCause.ForwardingDisabled));
    }

    [Fact]
    public void A_redirect_into_a_device_is_received_by_it()
    {
        using var net = new Topology();
        var other = net.First.Host.AddPort("other");
        other.Attach(net.Program(net.First, "look", target: other.Index), TcDirection.Ingress);
        Topology.Lxc(net.First).Attach(net.Program(net.First, "to_ingress"), TcDirection.Ingress);
        Topology.Pod(net.First).Sockets.Echo(Topology.AddressOf(Topology.Pod(net.Second)));
        net.Fabric.Run();
        Assert.Equal(1u, net.Seen(net.First, 8));
        Assert.Equal(other.Index, net.Seen(net.First, 1));
        // The frame was addressed to the pair's Ethernet address.
        Assert.Equal(3u, net.Seen(net.First, 2));
        Assert.Equal(1, net.Fabric.Drops[DropCause.OtherHost]);
    }

    [Fact]
    public void A_redirect_to_nowhere_and_a_device_that_redirects_to_itself_end_the_frame()
    {
        using var net = new Topology();
        var lxc = Topology.Lxc(net.First);
        lxc.Attach(net.Program(net.First, "to_ingress", target: lxc.Index), TcDirection.Ingress);
        Topology.Pod(net.First).Sockets.Echo(Topology.AddressOf(Topology.Pod(net.Second)));
        Topology.Lxc(net.Second).Attach(net.Program(net.Second, "to_egress", target: 99), TcDirection.Ingress);
        Topology.Pod(net.Second).Sockets.Echo(Topology.AddressOf(Topology.Pod(net.First)));
        net.Fabric.Run();
        Assert.Equal(1, net.Fabric.Drops[DropCause.Loop]);
        Assert.Equal(1, net.Fabric.Drops[DropCause.RedirectRefused]);
    }

    [Fact]
    public void The_tunnel_device_sends_what_programs_say_and_tells_what_came()
    {
        using var net = new Topology();
        var wire = new List<byte[]>();
        net.Segment.Listener = frame => wire.Add(frame.ToArray());
        var (here, there) = (net.First.Host.AddTunnel("vxlan", 8472), net.Second.Host.AddTunnel("vxlan", 8472));
        Topology.Lxc(net.First).Attach(net.Program(net.First, "to_tunnel", here.Index, IpAddr.Parse("192.168.0.2").IPv4Value), TcDirection.Ingress);
        there.Attach(net.Program(net.Second, "look", Topology.Lxc(net.Second).Index), TcDirection.Ingress);
        there.Attach(net.Program(net.Second, "to_peer"), TcDirection.Ingress);
        var echo = Topology.Pod(net.First).Sockets.Echo(Topology.AddressOf(Topology.Pod(net.Second)));
        net.Fabric.Run();
        Assert.Equal(0xABCDEFu, net.Seen(net.Second, 4));
        Assert.Equal(IpAddr.Parse("192.168.0.1").IPv4Value, net.Seen(net.Second, 5));
        // The reply went the plain way.
        Assert.Single(echo.Replies);
        var outer = Assert.Single(wire, frame => frame.Length > 14 + 20 + 8 + 8 + 14 && frame[23] == 17);
        Assert.True(Wire.IpPacket.TryRead(outer, out var ip));
        Assert.Equal(33, ip.Ttl);
        Assert.Equal([0x08, 0, 0, 0, 0xAB, 0xCD, 0xEF, 0], ip.Payload.Slice(8, 8).ToArray());
    }

    [Fact]
    public void What_is_sent_into_the_tunnel_without_a_key_ends_there()
    {
        using var net = new Topology();
        var tunnel = net.First.Host.AddTunnel("vxlan", 8472);
        Topology.Lxc(net.First).Attach(net.Program(net.First, "to_egress", tunnel.Index), TcDirection.Ingress);
        Topology.Pod(net.First).Sockets.Echo(Topology.AddressOf(Topology.Pod(net.Second)));
        net.Fabric.Run();
        Assert.Equal(1, net.Fabric.Drops[DropCause.NoTunnelKey]);
    }

    [Fact]
    public void Programs_ask_the_routes()
    {
        using var net = new Topology();
        Topology.Lxc(net.First).Attach(net.Program(net.First, "ask_routes"), TcDirection.Ingress);
        var far = Topology.AddressOf(Topology.Pod(net.Second));
        Topology.Pod(net.First).Sockets.Echo(far);
        net.Fabric.Run();
        Assert.Equal((uint)BpfRoutingResult.NoNeighbour, net.Seen(net.First, 6));
        Topology.Pod(net.First).Sockets.Echo(far);
        net.Fabric.Run();
        Assert.Equal((uint)BpfRoutingResult.Success, net.Seen(net.First, 6));
        Assert.Equal(Topology.Nic(net.First).Index, net.Seen(net.First, 7));
        Assert.Equal(IpAddr.Parse("192.168.0.2").IPv4Value, net.Seen(net.First, 9));
        Assert.Equal((uint)(Topology.Nic(net.Second).Mac.Value & 0xFF), net.Seen(net.First, 10));
        Topology.Pod(net.First).Sockets.Echo(IpAddr.Parse("203.0.113.1"));
        net.Fabric.Run();
        Assert.Equal((uint)BpfRoutingResult.Unreachable, net.Seen(net.First, 6));
        net.First.Host.ForwardsIPv4 = false;
        Topology.Pod(net.First).Sockets.Echo(far);
        net.Fabric.Run();
        Assert.Equal((uint)BpfRoutingResult.ForwardingDisabled, net.Seen(net.First, 6));
    }
}
