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
            _tables.CiliumNodes, _tables.PodIPPools, new CiliumNodeWriter(_server.Connection), new MultiPoolAllocator(true, true), new TestClock(), new Random(1), NullLogger.Instance);
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

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition()) await Task.Delay(10, patience.Token);
    }

    private List<string> Writes() => [.. _server.Requests.Where(request => !request.StartsWith("GET", StringComparison.Ordinal))];

    private List<CiliumNodeRow> Rows() => [.. _server.List(Collection).Select(node => CiliumNodeDecoder.Node(Encoding.UTF8.GetBytes(node.ToJsonString()))!)];

    // As a watch would tell.
    private void SeeNodes() => _tables.Store.Write(write => write.Replace(_tables.CiliumNodes, Rows()));
}
