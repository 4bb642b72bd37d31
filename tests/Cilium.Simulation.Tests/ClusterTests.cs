using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Datapath.Maps;
using Cilium.Kubernetes;
using Cilium.Simulation.Clusters;
using Cilium.VirtualNetwork;
using Cilium.VirtualNetwork.Sockets;

namespace Cilium.Simulation.Tests;

/// <summary>The reconcilers, derivations and programs of a node, on virtual nodes, without privilege.</summary>
public sealed class ClusterTests
{
    private const string ToServerFromClient = """{"endpointSelector":{"matchLabels":{"app":"server"}},"ingress":[{"fromEndpoints":[{"matchLabels":{"app":"client"}}],"toPorts":[{"ports":[{"port":"8080","protocol":"TCP"}]}]}]}""";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Pods_of_one_node_reach_each_other(bool isIPv4)
    {
        await using var cluster = await TestCluster.StartAsync();
        using var listener = cluster["near"].Namespace.Sockets.Listen(80);
        Assert.Equal(TcpState.Established, cluster.Connect("client", cluster.AddressOf("near", isIPv4), 80));
        Assert.Equal(TcpState.Refused, cluster.Connect("client", cluster.AddressOf("near", isIPv4), 81));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task Pods_of_two_nodes_reach_each_other_through_the_tunnel_with_the_senders_identity(bool isIPv4, bool direct)
    {
        var datapath = SimulationOptions.Small();
        datapath.EncapsulateDirectly = direct;
        await using var cluster = await TestCluster.StartAsync(new SimulationOptions { Datapath = datapath });
        var numbers = new HashSet<uint>();
        WatchTunnel(cluster, numbers);
        using var listener = cluster["server"].Namespace.Sockets.Listen(8080);
        Assert.Equal(TcpState.Established, cluster.Connect("client", cluster.AddressOf("server", isIPv4), 8080));
        Assert.Equal([cluster["client"].Identity.Value, cluster["server"].Identity.Value], numbers.Order());
        Assert.DoesNotContain(cluster.Events(), e => e.Type == DatapathEventType.Drop);
    }

    [Fact]
    public async Task A_pod_reaches_a_service_by_the_socket_hook_and_knows_its_peer_by_the_services_address()
    {
        await using var cluster = await TestCluster.StartAsync();
        var service = cluster.Cluster.Services.Single().ClusterIPs.First(address => address.IsIPv4);
        using var listener = cluster["server"].Namespace.Sockets.Listen(8080);
        using var connection = cluster["client"].Namespace.Sockets.ConnectTcp(new(service, 80));
        cluster.Cluster.Fabric.Run();
        Assert.Equal(TcpState.Established, connection.State);
        Assert.Equal(new Endpoint(cluster.AddressOf("server"), 8080), connection.Remote);
        Assert.Equal(new Endpoint(service, 80), connection.PeerName());

        using var dns = cluster["server"].Namespace.Sockets.OpenUdp(5353);
        using var socket = cluster["client"].Namespace.Sockets.OpenUdp();
        Assert.Equal(0, socket.SendTo("?"u8, new(service, 53)));
        cluster.Cluster.Fabric.Run();
        Assert.True(dns.TryReceive(out var question));
        dns.SendTo("!"u8, question.Source);
        cluster.Cluster.Fabric.Run();
        Assert.True(socket.TryReceive(out var answer));
        Assert.Equal(new Endpoint(service, 53), answer.Source);
    }

    [Theory]
    [InlineData("client", 8080, TcpState.Established)]
    [InlineData("client", 8081, TcpState.Opening)]
    [InlineData("other", 8080, TcpState.Opening)]
    [InlineData("near", 8080, TcpState.Opening)]
    public async Task A_policy_decides_who_reaches_a_pod(string from, ushort port, TcpState expected)
    {
        await using var cluster = await TestCluster.StartAsync(null, TestCluster.Policy(PolicyObjectKind.CiliumNetworkPolicy, "server", ToServerFromClient));
        using var listener = cluster["server"].Namespace.Sockets.Listen(8080);
        using var closed = cluster["server"].Namespace.Sockets.Listen(8081);
        Assert.Equal(expected, cluster.Connect(from, cluster.AddressOf("server"), port));
        var drops = cluster.Events().Where(e => e.Type == DatapathEventType.Drop).ToList();
        if (expected == TcpState.Established)
        {
            Assert.Empty(drops);
            return;
        }
        var drop = Assert.Single(drops);
        Assert.Equal(DropReason.Policy, (DropReason)drop.SubType);
        Assert.Equal((cluster[from].Identity, cluster["server"].Identity), (drop.SourceIdentity, drop.DestinationIdentity));
    }

    [Fact]
    public async Task The_node_reaches_its_pods_and_pods_reach_the_world_with_the_nodes_address()
    {
        await using var cluster = await TestCluster.StartAsync(null, TestCluster.Policy(PolicyObjectKind.CiliumNetworkPolicy, "server", ToServerFromClient));
        var echo = cluster["server"].Node.Virtual.Host.Sockets.Echo(cluster.AddressOf("server"));
        cluster.Cluster.Fabric.Run();
        Assert.Equal([cluster.AddressOf("server")], echo.Replies);

        var sources = new List<IpAddr>();
        cluster.Cluster.World = frame => sources.Add(IpAddr.FromNetworkBytes(frame.Slice(26, 4)));
        cluster.Connect("client", IpAddr.Parse("203.0.113.9"), 443);
        Assert.Equal([cluster["client"].Node.Local.IPv4], sources);
    }

    [Fact]
    public async Task Native_routing_needs_no_tunnel()
    {
        var datapath = SimulationOptions.Small();
        datapath.EnableTunnel = false;
        datapath.EnableDirectNodeRoutes = true;
        await using var cluster = await TestCluster.StartAsync(new SimulationOptions { Datapath = datapath });
        var numbers = new HashSet<uint>();
        WatchTunnel(cluster, numbers);
        using var listener = cluster["server"].Namespace.Sockets.Listen(8080);
        Assert.Equal(TcpState.Established, cluster.Connect("client", cluster.AddressOf("server"), 8080));
        Assert.Empty(numbers);
    }

    private static void WatchTunnel(TestCluster cluster, HashSet<uint> numbers)
    {
        const int udpPort = 14 + 20 + 2;
        cluster.Cluster.Underlay.Listener = frame =>
        {
            if (frame.Length > 50 && frame[23] == 17 && frame[udpPort] == 8472 >> 8 && frame[udpPort + 1] == (8472 & 0xFF))
                numbers.Add((uint)(frame[46] << 16 | frame[47] << 8 | frame[48]));
        };
    }
}
