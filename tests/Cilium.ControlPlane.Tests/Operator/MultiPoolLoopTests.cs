using System.Text;
using System.Text.Json.Nodes;
using Cilium.ControlPlane.Operator;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Decoding;
using Cilium.Kubernetes.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Operator;

public sealed class MultiPoolLoopTests : IDisposable
{
    private const int Nodes = 300;
    private const string Collection = "apis/cilium.io/v2/ciliumnodes";
    private static readonly string[] s_pools = ["default", "a", "b"];
    private readonly FakeApiServer _server = new(new TestClock());
    private readonly KubernetesTables _tables = new(new StateStore());

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task Many_nodes_that_join_at_once_are_written_once_each()
    {
        for (var i = 0; i < Nodes; i++)
            _server.Put($"{Collection}/{NameOf(i)}", new JsonObject { ["spec"] = new JsonObject { ["ipam"] = new JsonObject { ["pools"] = new JsonObject { ["requested"] = Requests() } } } });
        _tables.Store.Write(write =>
        {
            for (var i = 0; i < s_pools.Length; i++) write.Upsert(_tables.PodIPPools, Pool(i));
        });
        SeeNodes();
        _server.Requests.Clear();
        using var stop = new CancellationTokenSource();
        var loop = new MultiPoolLoop(
            _tables.CiliumNodes, _tables.Nodes, _tables.PodIPPools, new CiliumNodeWriter(_server.Connection), new MultiPoolAllocator(true, true), new TestClock(), new Random(1), NullLogger.Instance);
        var running = loop.RunAsync(stop.Token);

        await UntilAsync(() => Writes().Count >= Nodes);
        // What was written is seen, in which nothing is left to do; a node that comes then is the sign that all of it was looked at.
        _server.Put($"{Collection}/{NameOf(Nodes)}", new JsonObject { ["spec"] = new JsonObject { ["ipam"] = new JsonObject { ["pools"] = new JsonObject { ["requested"] = Requests() } } } });
        SeeNodes();
        await UntilAsync(() => Writes().Count > Nodes);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        Assert.Equal(Enumerable.Range(0, Nodes + 1).Select(i => $"PATCH {Collection}/{NameOf(i)}").Order(StringComparer.Ordinal), Writes().Order(StringComparer.Ordinal));
        var cidrs = Rows().SelectMany(node => node.AllocatedPools).SelectMany(pool => pool.Cidrs).ToList();
        Assert.Equal((Nodes + 1) * s_pools.Length * 2, cidrs.Distinct().Count());
        Assert.Equal(cidrs.Count, cidrs.Distinct().Count());
    }

    [Fact]
    public async Task A_cilium_node_that_is_deleted_gets_its_cidrs_back_until_its_node_goes_too()
    {
        SeeKubeNodes("a", "b", "m");
        _tables.Store.Write(write => write.Upsert(
            _tables.PodIPPools, new PodIPPoolRow { Name = "default", Definition = new PoolDefinition("default", new PoolFamily([Prefix.Parse("10.0.0.0/27")], 27), null) }));
        PutSmall("a");
        SeeNodes();
        using var stop = new CancellationTokenSource();
        var running = new MultiPoolLoop(
            _tables.CiliumNodes, _tables.Nodes, _tables.PodIPPools, new CiliumNodeWriter(_server.Connection), new MultiPoolAllocator(true, false),
            TimeProvider.System, new Random(1), NullLogger.Instance).RunAsync(stop.Token);
        await UntilAsync(() => CidrsOf("a") == "10.0.0.0/27");
        SeeNodes();

        // Deleted, and seen (of which a node whose error is taken away is the sign): another one that asks must not get its CIDR.
        _server.Remove($"{Collection}/a");
        SeeNodes();
        _server.Put($"{Collection}/m", new JsonObject
        {
            ["status"] = new JsonObject { ["ipam"] = new JsonObject { ["operator-status"] = new JsonObject { ["error"] = "old" } } },
        });
        SeeNodes();
        await UntilAsync(() => ErrorOf("m").Length == 0);
        PutSmall("b");
        SeeNodes();
        await UntilAsync(() => CidrsOf("b").Length > 0 || ErrorOf("b").Length > 0);
        Assert.Equal("", CidrsOf("b"));
        SeeNodes();
        PutSmall("a");
        SeeNodes();
        await UntilAsync(() => CidrsOf("a") == "10.0.0.0/27");
        SeeNodes();

        _server.Remove($"{Collection}/a");
        SeeNodes();
        SeeKubeNodes("b", "m");
        await UntilAsync(() => CidrsOf("b") == "10.0.0.0/27");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_node_that_the_watch_does_not_tell_of_keeps_its_cidrs_while_the_server_has_it()
    {
        SeeKubeNodes("b", "c");
        _server.Put("api/v1/nodes/a", []);
        _tables.Store.Write(write => write.Upsert(
            _tables.PodIPPools, new PodIPPoolRow { Name = "default", Definition = new PoolDefinition("default", new PoolFamily([Prefix.Parse("10.0.0.0/27")], 27), null) }));
        PutSmall("a");
        SeeNodes();
        var clock = new TestClock();
        using var stop = new CancellationTokenSource();
        var running = new MultiPoolLoop(
            _tables.CiliumNodes, _tables.Nodes, _tables.PodIPPools, new CiliumNodeWriter(_server.Connection), new MultiPoolAllocator(true, false),
            clock, new Random(1), NullLogger.Instance).RunAsync(stop.Token);
        await UntilAsync(() => CidrsOf("a") == "10.0.0.0/27");
        SeeNodes();
        PutSmall("b");
        SeeNodes();
        await UntilAsync(() => ErrorOf("b").Length > 0);
        SeeNodes();

        // Deleted, and seen (of which a node that comes afterwards is the sign).
        _server.Remove($"{Collection}/a");
        SeeNodes();
        await UntilAsync(() => _server.Requests.Contains("GET api/v1/nodes/a") || CidrsOf("b").Length > 0);
        PutSmall("c");
        SeeNodes();
        await UntilAsync(() => ErrorOf("c").Length > 0 || CidrsOf("c").Length > 0);
        Assert.Equal(("", ""), (CidrsOf("b"), CidrsOf("c")));
        SeeNodes();

        // The watch never told of the node, so that its end changes no table.
        _server.Remove("api/v1/nodes/a");
        await UntilAsync(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(30));
            return CidrsOf("b").Length + CidrsOf("c").Length > 0;
        });
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_conflict_that_brings_no_newer_row_is_decided_again()
    {
        _tables.Store.Write(write => write.Upsert(_tables.PodIPPools, Pool(0)));
        PutSmall("a");
        SeeNodes();
        // A rival's write that the watch does not tell of.
        PutSmall("a");
        using var stop = new CancellationTokenSource();
        var running = new MultiPoolLoop(
            _tables.CiliumNodes, _tables.Nodes, _tables.PodIPPools, new CiliumNodeWriter(_server.Connection), new MultiPoolAllocator(true, false),
            TimeProvider.System, new Random(1), NullLogger.Instance).RunAsync(stop.Token);
        await UntilAsync(() => Writes().Count >= 2);
        SeeNodes();
        await UntilAsync(() => CidrsOf("a").Length > 0);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_pool_is_served_when_its_wrong_cidr_is_taken_out()
    {
        var right = new PodIPPoolRow { Name = "default", Definition = new PoolDefinition("default", new PoolFamily([Prefix.Parse("10.0.0.0/27")], 27), null) };
        _tables.Store.Write(write => write.Upsert(_tables.PodIPPools, right with { Problem = "spec.ipv4.cidrs: '10.0.1.0/33' is not a CIDR prefix" }));
        PutSmall("a");
        SeeNodes();
        using var stop = new CancellationTokenSource();
        var running = new MultiPoolLoop(
            _tables.CiliumNodes, _tables.Nodes, _tables.PodIPPools, new CiliumNodeWriter(_server.Connection), new MultiPoolAllocator(true, false),
            TimeProvider.System, new Random(1), NullLogger.Instance).RunAsync(stop.Token);
        await UntilAsync(() => ErrorOf("a").Length > 0);
        SeeNodes();

        _tables.Store.Write(write => write.Upsert(_tables.PodIPPools, right));
        await UntilAsync(() => CidrsOf("a") == "10.0.0.0/27");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private static string NameOf(int node) => $"node-{node:000}";

    private static JsonArray Requests() =>
        [.. s_pools.Select(pool => new JsonObject { ["pool"] = pool, ["needed"] = new JsonObject { ["ipv4-addrs"] = 16, ["ipv6-addrs"] = 16 } })];

    private static PodIPPoolRow Pool(int index) => new()
    {
        Name = s_pools[index],
        Definition = new PoolDefinition(
            s_pools[index],
            new PoolFamily([new Prefix(IpAddr.FromIPv4((uint)(10 + index) << 24), 8)], 27),
            new PoolFamily([new Prefix(IpAddr.Parse("fd00::").Add((UInt128)index << 100), 48)], 120)),
    };

    private void PutSmall(string name) => _server.Put($"{Collection}/{name}", new JsonObject
    {
        ["spec"] = new JsonObject
        {
            ["ipam"] = new JsonObject
            {
                ["pools"] = new JsonObject { ["requested"] = new JsonArray(new JsonObject { ["pool"] = "default", ["needed"] = new JsonObject { ["ipv4-addrs"] = 16 } }) },
            },
        },
    });

    private string CidrsOf(string name) => string.Join(',', Rows().Where(row => row.Name == name).SelectMany(row => row.AllocatedPools).SelectMany(pool => pool.Cidrs));

    private string ErrorOf(string name) => _server.Get($"{Collection}/{name}")?["status"]?["ipam"]?["operator-status"]?["error"]?.ToString() ?? "";

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition()) await Task.Delay(10, patience.Token);
    }

    private List<string> Writes() => [.. _server.Requests.Where(request => !request.StartsWith("GET", StringComparison.Ordinal))];

    private List<CiliumNodeRow> Rows() => [.. _server.List(Collection).Select(node => CiliumNodeDecoder.Node(Encoding.UTF8.GetBytes(node.ToJsonString()))!)];

    // As a watch would tell.
    private void SeeNodes() => _tables.Store.Write(write => write.Replace(_tables.CiliumNodes, Rows()));

    private void SeeKubeNodes(params string[] names) =>
        _tables.Store.Write(write => write.Replace(_tables.Nodes, names.Select(name => new KubeNodeRow { Name = name }).ToList()));
}
