using System.Net;
using Cilium.Core;
using Cilium.Datapath.LoadBalancing;
using Cilium.Netlink;

namespace Cilium.KernelTests;

/// <summary>Clients in the world reach a service by an address that only a route leads to, and by a port of the node.</summary>
public sealed class NodePortTests
{
    private const int Port = 8080;
    private static readonly IPAddress s_service = IPAddress.Parse("10.99.0.1");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_outside_reaches_pods_here_and_elsewhere_and_the_node_itself(bool tunnel)
    {
        using var first = new TestNode(1, null, options => Configure(options, tunnel));
        using var second = new TestNode(2, first, options => Configure(options, tunnel));
        await first.StartAsync();
        await second.StartAsync();
        TestPod a = first.AddPod(11), b = second.AddPod(12);
        await first.PutAsync(a.Row);
        await second.PutAsync(b.Row);
        first.Learn(second, b);
        second.Learn(first, a);
        using (var world = RouteNetlink.Open(first.World))
            world.ReplaceRoute(new Route { Destination = new IPNetwork(s_service, 32), Gateway = first.Row.IPv4.ToIPAddress(), LinkIndex = world.FindLink("net0")!.Index });
        using var here = TestNetwork.Serve(a.Namespace, a.IPv4, Port);
        using var there = TestNetwork.Serve(b.Namespace, b.IPv4, Port);
        using var process = TestNetwork.Serve(first.Node, first.Row.IPv4.ToIPAddress(), Port);

        // A pod of the node that is asked sees the client, one elsewhere that node, the node's own process the client again.
        var (client, gateway, node) = (TestNode.WorldAddress, first.Row.RouterIPv4, first.Row.IPv4);
        foreach (var (backend, seen) in new[] { (a.IPv4, client), (b.IPv4, (tunnel ? gateway : node).ToIPAddress()), (node.ToIPAddress(), client) })
        {
            Serve(first, backend);
            foreach (var (address, port) in new[] { (s_service, 80), (node.ToIPAddress(), 30080) })
            {
                Assert.True(await TestNode.HappensAsync(() => TestNetwork.Ask(first.World, address, port, 300) == seen.ToString()), $"{address}:{port} with backend {backend}, which should see {seen}");
                for (var i = 0; i < 10; i++)
                    Assert.Equal(seen.ToString(), TestNetwork.Ask(first.World, address, port));
            }
        }

        // What the node itself and its pods say is theirs as before.
        Assert.True(a.Pings(b.IPv4));
        Assert.True(TestNetwork.Pings(first.Node, b.IPv4));
        Assert.Equal(a.IPv4.ToString(), TestNetwork.Ask(a.Namespace, b.IPv4, Port));
    }

    [Fact]
    public async Task A_backend_behind_another_device_than_the_clients_is_reached_and_answers()
    {
        using var node = new TestNode(configure: options =>
        {
            Configure(options, tunnel: false);
            options.Devices = ["und0", "und1"];
        });
        var backend = IPAddress.Parse("172.31.0.77");
        var (_, behind) = node.AddNetwork("und1", IPAddress.Parse("172.31.0.2"), backend);
        await node.StartAsync();
        using var server = TestNetwork.Serve(behind, backend, Port);
        Serve(node, backend);
        var self = node.Row.IPv4.ToIPAddress();
        Assert.True(await TestNode.HappensAsync(() => TestNetwork.Ask(node.World, self, 30080, 300) == self.ToString()));
    }

    private static void Configure(Datapath.DatapathOptions options, bool tunnel)
    {
        options.EnableNodePort = true;
        options.EnableTunnel = tunnel;
        options.EnableDirectNodeRoutes = !tunnel;
        options.NativeRoutingPrefixes = tunnel ? [] : [Prefix.Parse("10.77.0.0/16")];
    }

    private static void Serve(TestNode node, IPAddress backend) => node.Tables.Store.Write(write =>
    {
        foreach (var (address, kind) in new[]
        {
            (new L4Address(IpAddr.FromIPAddress(s_service), 80, L4Protocol.Tcp), FrontendKind.LoadBalancer),
            (new L4Address(node.Row.IPv4, 30080, L4Protocol.Tcp), FrontendKind.NodePort),
        })
        {
            write.Upsert(node.Tables.Frontends, new FrontendRow
            {
                Address = address,
                Kind = kind,
                ServiceNamespace = "default",
                ServiceName = "web",
                Backends = [new BackendRef(new L4Address(IpAddr.FromIPAddress(backend), Port, L4Protocol.Tcp), BackendState.Active)],
            });
        }
    });
}
