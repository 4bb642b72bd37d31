using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.Devices;
using Cilium.Datapath.Nodes;
using Cilium.Netlink;
using Microsoft.Extensions.Logging;

namespace Cilium.Datapath.Tests.Nodes;

/// <summary>Direct routes to other nodes' pods, with nodes on this link and elsewhere.</summary>
public sealed class NodeOperationsTests
{
    private static readonly Link s_link = new() { Index = 2, Name = "eth0" };
    private readonly Routes _routes = new();
    private readonly Lines _log = new();
    private readonly NodeOperations _operations;

    public NodeOperationsTests() => _operations = new NodeOperations(
        _routes,
        new LocalNodeRow { Name = "self", IPv4 = IpAddr.Parse("172.18.0.2"), RouterIPv4 = IpAddr.Parse("10.0.0.1"), PodPrefixes = [Prefix.Parse("10.0.0.0/24")] },
        new NodeNetwork { Host = s_link with { Index = 3, Name = "cilium_host" }, Net = s_link with { Index = 4 }, Tunnel = null, Underlay = [s_link], DeviceMtu = 1500, RouteMtu = 1500 },
        new DatapathOptions { EnableTunnel = false, EnableDirectNodeRoutes = true, EnableIPv6 = false },
        _log);

    [Fact]
    public async Task A_node_on_another_segment_gets_no_route_and_is_told_once()
    {
        var (near, far) = (Node("near", "172.18.0.3", "10.0.1.0/24"), Node("far", "192.168.7.9", "10.0.2.0/24"));
        await ApplyAsync(null, near);
        await ApplyAsync(null, far);
        await ApplyAsync(far, far with { PodPrefixes = [Prefix.Parse("10.0.2.0/24"), Prefix.Parse("10.0.3.0/24")] });
        var route = Assert.Single(_routes.Present);
        Assert.Equal(("10.0.1.0/24", "172.18.0.3", 2), (route.Destination.ToString(), route.Gateway!.ToString(), route.LinkIndex));
        var line = Assert.Single(_log.Warnings);
        Assert.Contains("far (192.168.7.9) is on no link of this node", line, StringComparison.Ordinal);
        Assert.Contains("a router or BGP must know them", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_moves_to_another_segment_loses_its_route()
    {
        var node = Node("node", "172.18.0.3", "10.0.1.0/24");
        await ApplyAsync(null, node);
        Assert.Single(_routes.Present);
        await ApplyAsync(node, node with { IPv4 = IpAddr.Parse("192.168.7.9") });
        Assert.Empty(_routes.Present);
        Assert.Single(_log.Warnings);
    }

    private static NodeRow Node(string name, string address, string pods) => new() { Name = name, IPv4 = IpAddr.Parse(address), PodPrefixes = [Prefix.Parse(pods)] };

    private async Task ApplyAsync(NodeRow? before, NodeRow now)
    {
        var batch = new ReconcileBatch<string, NodeRow>([new TableChange<string, NodeRow>(now.Name, before, now, 1)]);
        await _operations.ApplyAsync(batch, CancellationToken.None);
        Assert.Empty(batch.Failures);
    }

    private sealed class Routes : INodeRoutes
    {
        public List<Route> Present { get; } = [];

        public IEnumerable<Route> All() => Present;

        public void Replace(Route route)
        {
            Delete(route);
            Present.Add(route);
        }

        public void Delete(Route route) => Present.RemoveAll(other => other.Destination == route.Destination);

        public IEnumerable<Prefix> NetworksOf(int linkIndex) => linkIndex == s_link.Index ? [Prefix.Parse("172.18.0.0/16")] : [];
    }

    private sealed class Lines : ILogger
    {
        public List<string> Warnings { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Warning)
                Warnings.Add(formatter(state, exception));
        }
    }
}
