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

public sealed class PodCidrLoopTests : IDisposable
{
    private const string Collection = "apis/cilium.io/v2/ciliumnodes";
    private readonly FakeApiServer _server = new(TimeProvider.System);
    private readonly KubernetesTables _tables = new(new StateStore());
    private readonly CancellationTokenSource _stop = new();

    public void Dispose()
    {
        _stop.Dispose();
        _server.Dispose();
    }

    [Fact]
    public async Task A_cilium_node_that_is_deleted_gets_its_cidr_back_while_its_node_lives()
    {
        SeeNodes("a", "b", "c");
        Put("a", "10.0.0.0/24");
        Put("b", "10.0.1.0/24");
        See();
        var running = Start("10.0.0.0/23");

        _server.Remove($"{Collection}/a");
        See();
        Put("c");
        See();
        await UntilAsync(() => ErrorOf("c").Length > 0 || CidrsOf("c").Length > 0);
        Assert.Equal("", CidrsOf("c"));
        Assert.Contains("allocator full", ErrorOf("c"), StringComparison.Ordinal);
        See();

        Put("a");
        See();
        await UntilAsync(() => CidrsOf("a").Length > 0);
        Assert.Equal("10.0.0.0/24", CidrsOf("a"));
        await StopAsync(running);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_node_that_is_gone_frees_its_cidr_whichever_of_its_objects_goes_last(bool ciliumNodeFirst)
    {
        SeeNodes("a", "b");
        Put("a", "10.0.0.0/24");
        Put("b");
        See();
        var running = Start("10.0.0.0/24");
        await UntilAsync(() => ErrorOf("b").Length > 0);
        See();

        foreach (var isCiliumNode in new[] { ciliumNodeFirst, !ciliumNodeFirst })
        {
            Assert.Equal("", CidrsOf("b"));
            if (isCiliumNode)
            {
                _server.Remove($"{Collection}/a");
                See();
            }
            else
            {
                SeeNodes("b");
            }
        }

        await UntilAsync(() => CidrsOf("b").Length > 0);
        Assert.Equal("10.0.0.0/24", CidrsOf("b"));
        await StopAsync(running);
    }

    [Fact]
    public async Task A_node_that_the_watch_does_not_tell_of_keeps_its_cidr_while_the_server_has_it()
    {
        SeeNodes("b", "c");
        _server.Put("api/v1/nodes/a", []);
        Put("a", "10.0.0.0/24");
        Put("b");
        See();
        var clock = new TestClock();
        var running = Start("10.0.0.0/24", clock);
        await UntilAsync(() => ErrorOf("b").Length > 0);
        See();

        // Deleted, and seen (of which a node that comes afterwards is the sign).
        _server.Remove($"{Collection}/a");
        See();
        await UntilAsync(() => HasAskedFor("a") || CidrsOf("b").Length > 0);
        Put("c");
        See();
        await UntilAsync(() => ErrorOf("c").Length > 0 || CidrsOf("c").Length > 0);
        Assert.Equal(("", ""), (CidrsOf("b"), CidrsOf("c")));
        See();

        // The watch never told of the node, so that its end changes no table.
        _server.Remove("api/v1/nodes/a");
        await UntilAsync(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(30));
            return CidrsOf("b").Length + CidrsOf("c").Length > 0;
        });
        await StopAsync(running);
    }

    [Fact]
    public async Task What_another_leader_wrote_meanwhile_stays_and_what_was_meant_for_the_node_is_free()
    {
        SeeNodes("a", "b");
        Put("a");
        See();
        // Not seen yet: the list is stale.
        Put("a", "10.0.1.0/24");
        var running = Start("10.0.0.0/23");
        await UntilAsync(() => _server.Requests.Any(request => request == $"PATCH {Collection}/a"));
        Assert.Equal("10.0.1.0/24", CidrsOf("a"));

        See();
        Put("b");
        See();
        await UntilAsync(() => CidrsOf("b").Length > 0 || ErrorOf("b").Length > 0);
        Assert.Equal("10.0.0.0/24", CidrsOf("b"));
        Assert.Equal("10.0.1.0/24", CidrsOf("a"));
        await StopAsync(running);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition()) await Task.Delay(10, patience.Token);
    }

    private bool HasAskedFor(string node) => _server.Requests.Contains($"GET api/v1/nodes/{node}");

    private Task Start(string pool, TimeProvider? time = null)
    {
        var assigner = new PodCidrAssigner(new CidrPool([Prefix.Parse(pool)], 24), null);
        var loop = new PodCidrLoop(
            _tables.CiliumNodes, _tables.Nodes, new CiliumNodeWriter(_server.Connection), assigner, time ?? TimeProvider.System, new Random(1), NullLogger.Instance);
        return loop.RunAsync(_stop.Token);
    }

    private async Task StopAsync(Task running)
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private void Put(string name, params string[] cidrs) => _server.Put($"{Collection}/{name}", new JsonObject
    {
        ["spec"] = new JsonObject { ["ipam"] = new JsonObject { ["podCIDRs"] = new JsonArray([.. cidrs.Select(cidr => JsonValue.Create(cidr))]) } },
    });

    private string CidrsOf(string name) =>
        string.Join(',', (_server.Get($"{Collection}/{name}")?["spec"]?["ipam"]?["podCIDRs"] as JsonArray ?? []).Select(cidr => cidr!.ToString()));

    private string ErrorOf(string name) => _server.Get($"{Collection}/{name}")?["status"]?["ipam"]?["operator-status"]?["error"]?.ToString() ?? "";

    // As watches would tell.
    private void See() => _tables.Store.Write(write => write.Replace(
        _tables.CiliumNodes, _server.List(Collection).Select(node => CiliumNodeDecoder.Node(Encoding.UTF8.GetBytes(node.ToJsonString()))!).ToList()));

    private void SeeNodes(params string[] names) =>
        _tables.Store.Write(write => write.Replace(_tables.Nodes, names.Select(name => new KubeNodeRow { Name = name }).ToList()));
}
