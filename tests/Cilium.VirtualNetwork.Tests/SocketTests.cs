using Cilium.Bpf;
using Cilium.Core;
using Cilium.VirtualNetwork.Sockets;

namespace Cilium.VirtualNetwork.Tests;

public sealed class SocketTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_connection_is_opened_used_and_closed(bool isIPv6)
    {
        using var net = new Topology(isIPv6);
        var (client, server) = (Topology.Pod(net.First), Topology.Pod(net.Second));
        using var listener = server.Sockets.Listen(80);
        using var connection = client.Sockets.ConnectTcp(new Endpoint(Topology.AddressOf(server), 80));
        Assert.Equal(TcpState.Opening, connection.State);
        net.Fabric.Run();
        Assert.Equal(TcpState.Established, connection.State);
        Assert.True(listener.TryAccept(out var accepted));
        Assert.Equal(TcpState.Established, accepted!.State);
        Assert.Equal(connection.Local, accepted.Remote);

        var text = new byte[5000];
        new Random(1).NextBytes(text);
        connection.Send(text);
        net.Fabric.Run();
        Assert.Equal(text, accepted.Received.ToArray());
        accepted.Send("bye"u8);
        accepted.Close();
        connection.Close();
        net.Fabric.Run();
        Assert.Equal("bye"u8.ToArray(), connection.Received.ToArray());
        Assert.Equal((TcpState.Closed, TcpState.Closed), (connection.State, accepted.State));
    }

    [Fact]
    public void A_port_that_nobody_listens_on_refuses()
    {
        using var net = new Topology();
        var (client, server) = (Topology.Pod(net.First), Topology.Pod(net.Second));
        using var connection = client.Sockets.ConnectTcp(new Endpoint(Topology.AddressOf(server), 81));
        using var socket = client.Sockets.OpenUdp();
        socket.SendTo([1], new Endpoint(Topology.AddressOf(server), 81));
        net.Fabric.Run();
        Assert.Equal(TcpState.Refused, connection.State);
        Assert.Equal((3, 3), (socket.LastError!.Value.Type, socket.LastError.Value.Code));
        Assert.Equal(2, net.Fabric.Drops[DropCause.NoSocket]);
    }

    [Fact]
    public void Datagrams_go_both_ways()
    {
        using var net = new Topology();
        var (client, server) = (Topology.Pod(net.First), Topology.Pod(net.Second));
        using var at = server.Sockets.OpenUdp(53);
        using var socket = client.Sockets.OpenUdp();
        Assert.Equal(0, socket.SendTo("question"u8, new Endpoint(Topology.AddressOf(server), 53)));
        net.Fabric.Run();
        Assert.True(at.TryReceive(out var question));
        Assert.Equal("question"u8.ToArray(), question.Payload.ToArray());
        Assert.Equal(0, at.SendTo("answer"u8, question.Source));
        net.Fabric.Run();
        Assert.True(socket.TryReceive(out var answer));
        Assert.Equal(new Endpoint(Topology.AddressOf(server), 53), answer.Source);
        Assert.False(socket.TryReceive(out _));
    }

    [Fact]
    public void Programs_of_the_control_group_and_of_its_parents_see_the_calls()
    {
        using var net = new Topology();
        var (client, server) = (Topology.Pod(net.First), Topology.Pod(net.Second));
        var group = net.First.Cgroup.AddChild("pods").AddChild("one");
        var elsewhere = net.Program(net.First, "send_elsewhere", remote: Topology.AddressOf(server).IPv4Value);
        net.First.Cgroup.Attach(AttachType.CgroupInet4Connect, elsewhere);
        group.Attach(AttachType.CgroupInet4GetPeerName, net.Program(net.First, "say_as_asked"));
        using var listener = server.Sockets.Listen(8080);

        using var connection = client.Sockets.ConnectTcp(new Endpoint(IpAddr.Parse("10.96.0.1"), 80), group);
        net.Fabric.Run();
        Assert.Equal(TcpState.Established, connection.State);
        Assert.Equal(new Endpoint(Topology.AddressOf(server), 8080), connection.Remote);
        Assert.Equal(80, connection.PeerName().Port);

        using var refused = client.Sockets.ConnectTcp(new Endpoint(IpAddr.Parse("10.96.0.1"), 666), group);
        Assert.Equal((TcpState.Refused, 111), (refused.State, refused.Error));

        Assert.True(net.First.Cgroup.Detach(AttachType.CgroupInet4Connect, elsewhere));
        using var plain = client.Sockets.ConnectTcp(new Endpoint(Topology.AddressOf(server), 8080), group);
        Assert.Equal(8080, plain.Remote.Port);
    }

    [Fact]
    public void What_programs_store_on_a_socket_and_on_its_control_group_ends_with_them()
    {
        const int OnSocket = 2, OnGroup = 12;
        using var net = new Topology();
        using var stream = typeof(SocketTests).Assembly.GetManifestResourceStream("storage.bpf.o")!;
        var elf = new byte[stream.Length];
        stream.ReadExactly(elf);
        using var obj = BpfObject.Open("storage", elf, net.First.Engine);
        obj.Load();
        net.First.Cgroup.Attach(AttachType.CgroupInet4Connect, obj.Program("store"));
        var (pods, far) = (net.First.Cgroup.AddChild("pods"), Topology.AddressOf(Topology.Pod(net.Second)));
        var group = pods.AddChild("one");
        var sockets = Topology.Pod(net.First).Sockets;
        using (var udp = sockets.OpenUdp(cgroup: group))
        using (var tcp = sockets.ConnectTcp(new Endpoint(far, OnSocket), group))
        {
            Assert.Equal(0, udp.Connect(new Endpoint(far, OnSocket)));
            Assert.Equal(0, udp.Connect(new Endpoint(far, OnGroup)));
            Assert.Equal((2L, 1L), Stored());
        }
        Assert.Equal((0L, 1L), Stored());
        Assert.Throws<InvalidOperationException>(pods.Remove);
        Assert.Throws<InvalidOperationException>(net.First.Cgroup.Remove);
        group.Remove();
        Assert.Equal((0L, 0L), Stored());

        // Who was in the group when it ended finds it no more.
        using var orphan = sockets.OpenUdp(cgroup: group);
        Assert.Equal(0, orphan.Connect(new Endpoint(far, OnGroup)));
        Assert.Equal((0L, 0L), Stored());
        pods.Remove();

        (long OnSockets, long OnGroups) Stored() => (Entries("by_socket"), Entries("by_group"));

        long Entries(string map) => Assert.Single(net.First.Engine.MapUsage(), usage => usage.Name == map).Entries;
    }
}
