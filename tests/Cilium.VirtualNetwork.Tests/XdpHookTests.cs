using Cilium.Bpf;
using Cilium.Core;

namespace Cilium.VirtualNetwork.Tests;

/// <summary>XDP programs on devices: before classifiers, and past them on the way out.</summary>
public sealed class XdpHookTests
{
    [Fact]
    public void What_an_XDP_program_says_reaches_the_classifiers_of_the_device_and_no_other()
    {
        using var net = new Topology();
        var (lxc, nic) = (Topology.Lxc(net.First), Topology.Nic(net.First));
        lxc.Xdp = net.Program(net.First, "xdp_say");
        var look = net.Program(net.First, "look_at_metadata");
        lxc.Attach(look, TcDirection.Ingress);
        var far = Topology.AddressOf(Topology.Pod(net.Second));
        var echo = Topology.Pod(net.First).Sockets.Echo(far);
        net.Fabric.Run();
        Assert.Equal([far], echo.Replies);
        Assert.Equal(0x5A0000 | lxc.Index, net.Seen(net.First, 11));
        Assert.Equal(0x0800u, net.Seen(net.First, 12));
        // The question for the gateway's address, and the echo; nothing that leaves by the device.
        Assert.Equal(2u, net.Seen(net.First, 13));

        Assert.True(lxc.Detach(look, TcDirection.Ingress));
        nic.Attach(look, TcDirection.Egress);
        Topology.Pod(net.First).Sockets.Echo(far);
        net.Fabric.Run();
        Assert.Equal(0u, net.Seen(net.First, 11));
    }

    [Theory, InlineData("xdp_shoot"), InlineData("xdp_abort")]
    public void What_an_XDP_program_ends_no_classifier_sees(string name)
    {
        using var net = new Topology();
        var lxc = Topology.Lxc(net.First);
        lxc.Xdp = net.Program(net.First, name);
        lxc.Attach(net.Program(net.First, "look"), TcDirection.Ingress);
        var echo = Topology.Pod(net.First).Sockets.Echo(Topology.AddressOf(Topology.Pod(net.Second)));
        net.Fabric.Run();
        Assert.Empty(echo.Replies);
        Assert.Equal(1u, net.Seen(net.First, 8));
        Assert.Equal((1L, 1L), (net.Fabric.Drops[DropCause.Program], lxc.Dropped));
        lxc.Xdp = null;
        echo = Topology.Pod(net.First).Sockets.Echo(Topology.AddressOf(Topology.Pod(net.Second)));
        net.Fabric.Run();
        Assert.Single(echo.Replies);
    }

    [Fact]
    public void A_redirect_leaves_by_the_device_past_its_classifiers_and_without_the_stack()
    {
        using var net = new Topology();
        var exit = net.First.Host.AddPort("out");
        var left = new List<byte[]>();
        exit.Listener = frame => left.Add(frame.ToArray());
        var lxc = Topology.Lxc(net.First);
        lxc.Xdp = net.Program(net.First, "xdp_redirect", target: exit.Index);
        exit.Attach(net.Program(net.First, "shoot"), TcDirection.Egress);
        lxc.Attach(net.Program(net.First, "look"), TcDirection.Ingress);
        using var socket = Topology.Pod(net.First).Sockets.OpenUdp();
        var to = new Endpoint(Topology.AddressOf(Topology.Pod(net.Second)), 53);
        socket.SendTo(new byte[32], to);
        net.Fabric.Run();
        // As it came: addressed to the pair's end, no hop counted.
        var frame = Assert.Single(left);
        Assert.Equal(lxc.Mac, MacAddress.FromBytes(frame.AsSpan(0, 6)));
        Assert.Equal(64, frame[22]);
        Assert.Equal((1L, 1u), (exit.Sent, net.Seen(net.First, 8)));

        // What does not fit, or finds the device down, ends without a word.
        socket.SendTo(new byte[100], to);
        exit.Mtu = 123;
        net.Fabric.Run();
        Assert.Equal(1, net.Fabric.Drops[DropCause.TooBig]);
        Assert.Null(socket.LastError);
        exit.Mtu = 124;
        socket.SendTo(new byte[100], to);
        net.Fabric.Run();
        Assert.Equal(2, left.Count);
        exit.IsUp = false;
        socket.SendTo(new byte[100], to);
        net.Fabric.Run();
        Assert.Equal(1, net.Fabric.Drops[DropCause.DeviceDown]);
        net.First.Host.Remove(exit);
        socket.SendTo(new byte[100], to);
        net.Fabric.Run();
        Assert.Equal(1, net.Fabric.Drops[DropCause.RedirectRefused]);
    }

    [Fact]
    public void A_frame_is_sent_back_by_the_device_it_came_by()
    {
        using var net = new Topology();
        var (nic, wire) = (Topology.Nic(net.Second), new List<byte[]>());
        nic.Xdp = net.Program(net.Second, "xdp_return");
        nic.Attach(net.Program(net.Second, "look"), TcDirection.Egress);
        net.Segment.Listener = frame => wire.Add(frame.ToArray());
        using var socket = Topology.Pod(net.First).Sockets.OpenUdp();
        socket.SendTo([1], new Endpoint(Topology.AddressOf(Topology.Pod(net.Second)), 53));
        net.Fabric.Run();
        var sent = wire.FindAll(frame => frame[12] == 8 && frame[13] == 0);
        // The classifier saw the answer to the question for the Ethernet address, and nothing else.
        Assert.Equal(1u, net.Seen(net.Second, 8));
        Assert.Equal(sent[0][14..], sent[1][14..]);
        Assert.Equal([.. sent[0][6..12], .. sent[0][..6]], sent[1][..12]);
    }

    [Fact]
    public void The_stack_sees_the_Ethernet_header_that_the_program_left()
    {
        using var net = new Topology();
        var (nic, pod) = (Topology.Nic(net.First), Topology.AddressOf(Topology.Pod(net.First)));
        nic.Xdp = net.Program(net.First, "xdp_unwrap");
        nic.Attach(net.Program(net.First, "look_at_metadata"), TcDirection.Ingress);
        using var at = Topology.Pod(net.First).Sockets.OpenUdp(53);
        var inner = Wire.FrameWriter.UdpDatagram(new Endpoint(IpAddr.Parse("192.168.0.9"), 9), new Endpoint(pod, 53), "hello"u8.ToArray());
        byte[] wrapped = [0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9, 0x99, 0x99, 0, 0, 0, 0, .. inner[Wire.IpPacket.EthernetBytes..]];
        nic.Mac.WriteBytes(wrapped);
        nic.Inject(wrapped);
        net.Fabric.Run();
        Assert.True(at.TryReceive(out var datagram));
        Assert.Equal("hello"u8.ToArray(), datagram.Payload.ToArray());
        Assert.Equal(0x0800u, net.Seen(net.First, 12));
    }

    [Fact]
    public void Only_an_XDP_program_goes_there()
    {
        using var net = new Topology();
        Assert.Throws<ArgumentException>(() => Topology.Nic(net.First).Xdp = net.Program(net.First, "look"));
    }
}
