using Cilium.Bpf;
using Cilium.Core;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork.Tests;

/// <summary>Packets that stand for several (GSO): longer than any link, and one to the programs.</summary>
public sealed class SegmentationTests
{
    [Theory, InlineData(false), InlineData(true)]
    public void A_packet_that_stands_for_datagrams_passes_whole_and_its_socket_gets_each(bool isIPv6)
    {
        using var net = new Topology(isIPv6);
        Topology.Lxc(net.First).Attach(net.Program(net.First, "look_at_segments"), TcDirection.Ingress);
        Topology.Nic(net.Second).Attach(net.Program(net.Second, "look_at_segments"), TcDirection.Ingress);
        var lengths = new List<int>();
        net.Segment.Listener = frame => lengths.Add(frame.Length);
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        Send(net, new byte[3100], 1000);
        net.Fabric.Run();
        Assert.Equal((1000u, 4u), (net.Seen(net.First, 14), net.Seen(net.First, 15)));
        Assert.Equal((1000u, 4u), (net.Seen(net.Second, 14), net.Seen(net.Second, 15)));
        Assert.Contains(3100 + 8 + 14 + (isIPv6 ? 40 : 20), lengths);
        for (var i = 0; i < 4; i++)
        {
            Assert.True(at.TryReceive(out var datagram));
            Assert.Equal(i < 3 ? 1000 : 100, datagram.Payload.Length);
        }
        Assert.False(at.TryReceive(out _));
        Assert.Empty(net.Fabric.Drops);
    }

    [Theory, InlineData(1272, 0), InlineData(1273, 1)]
    public void What_counts_on_the_way_is_the_segment_and_not_the_packet(int gsoSize, int dropped)
    {
        using var net = new Topology();
        Topology.Nic(net.First).Mtu = 1300;
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        Send(net, new byte[5000], gsoSize);
        net.Fabric.Run();
        Assert.Equal(dropped, net.Fabric.Drops.GetValueOrDefault(DropCause.TooBig));
        Assert.Equal(dropped == 0, at.TryReceive(out _));
    }

    [Theory, InlineData(1422, 0), InlineData(1423, 1)]
    public void Headers_of_a_tunnel_count_for_each_segment(int gsoSize, int dropped)
    {
        using var net = new Topology();
        var (here, there) = (net.First.Host.AddTunnel("vxlan", 8472), net.Second.Host.AddTunnel("vxlan", 8472));
        Topology.Lxc(net.First).Attach(net.Program(net.First, "to_tunnel", here.Index, IpAddr.Parse("192.168.0.2").IPv4Value), TcDirection.Ingress);
        there.Attach(net.Program(net.Second, "look_at_segments", Topology.Lxc(net.Second).Index), TcDirection.Ingress);
        there.Attach(net.Program(net.Second, "to_peer"), TcDirection.Ingress);
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        Send(net, new byte[5000], gsoSize);
        net.Fabric.Run();
        Assert.Equal(dropped, net.Fabric.Drops.GetValueOrDefault(DropCause.TooBig));
        Assert.Equal(dropped == 0, at.TryReceive(out _));
        Assert.Equal(dropped == 0 ? (uint)gsoSize : 0, net.Seen(net.Second, 14));
    }

    [Fact]
    public void A_pair_takes_no_frame_that_is_longer_than_its_other_end_allows_unless_it_stands_for_several()
    {
        using var net = new Topology();
        // The program redirects past the stack, which would have said something.
        Topology.Nic(net.Second).Attach(net.Program(net.Second, "to_neighbour", target: Topology.Lxc(net.Second).Index), TcDirection.Ingress);
        Topology.Pod(net.Second).InterfaceOrNull("eth0")!.Mtu = 1000;
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        using var socket = Topology.Pod(net.First).Sockets.OpenUdp();
        socket.SendTo(new byte[1200], new Endpoint(Topology.AddressOf(Topology.Pod(net.Second)), 53));
        net.Fabric.Run();
        Assert.Equal(1, net.Fabric.Drops[DropCause.TooBig]);
        Send(net, new byte[1200], 600);
        net.Fabric.Run();
        Assert.Equal(1, net.Fabric.Drops[DropCause.TooBig]);
        Assert.True(at.TryReceive(out _));
    }

    [Fact]
    public void Only_payload_of_TCP_and_UDP_is_segmented()
    {
        using var net = new Topology();
        var pod = Topology.Pod(net.First);
        var (from, to) = (Topology.AddressOf(pod), Topology.AddressOf(Topology.Pod(net.Second)));
        var ping = FrameWriter.IcmpMessage(from, to, 8, 0, 1, new byte[3000]);
        Assert.Throws<ArgumentException>(() => pod.Send(ping.AsSpan(IpPacket.EthernetBytes), 1000));
        Assert.Throws<ArgumentException>(() => Topology.Nic(net.First).Inject(ping, 1000));
        Assert.Throws<ArgumentOutOfRangeException>(() => Topology.Nic(net.First).Inject(ping, 0));

        // A header that says to be longer than what there is.
        var longHeader = FrameWriter.TcpSegment(new Endpoint(from, 1), new Endpoint(to, 2), TcpFlags.Ack, 1, 1, new byte[10]);
        longHeader[IpPacket.EthernetBytes + 20 + 12] = 0xF0;
        Assert.Throws<ArgumentException>(() => Topology.Nic(net.First).Inject(longHeader, 1000));
        Assert.True(net.Fabric.IsIdle);
    }

    [Fact]
    public void A_device_may_receive_frames_that_it_put_together()
    {
        using var net = new Topology();
        var nic = Topology.Nic(net.Second);
        nic.Attach(net.Program(net.Second, "look_at_segments"), TcDirection.Ingress);
        using var at = net.Second.Host.Sockets.OpenUdp(53);
        var frame = FrameWriter.UdpDatagram(new Endpoint(IpAddr.Parse("192.168.0.1"), 9), new Endpoint(nic.Addresses[0], 53), new byte[2500]);
        nic.Mac.WriteBytes(frame);
        nic.Inject(frame, 1250);
        net.Fabric.Run();
        Assert.Equal((1250u, 2u), (net.Seen(net.Second, 14), net.Seen(net.Second, 15)));
        Assert.True(at.TryReceive(out _) && at.TryReceive(out _));
    }

    private static void Send(Topology net, byte[] payload, int gsoSize)
    {
        var (from, to) = (Topology.Pod(net.First), Topology.AddressOf(Topology.Pod(net.Second)));
        var frame = FrameWriter.UdpDatagram(new Endpoint(Topology.AddressOf(from), 999), new Endpoint(to, 53), payload);
        from.Send(frame.AsSpan(IpPacket.EthernetBytes), gsoSize);
    }
}
