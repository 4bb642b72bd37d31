using System.Text;
using System.Text.Json.Nodes;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Nodes;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Decoding;
using Cilium.Kubernetes.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Nodes;

public sealed class NodePublisherTests : IDisposable
{
    private const string Path = "apis/cilium.io/v2/ciliumnodes/node-a";
    private readonly FakeApiServer _server = new(TimeProvider.System);
    private readonly TestTables _test = new();
    private readonly CancellationTokenSource _stop = new();

    public void Dispose()
    {
        _stop.Dispose();
        _server.Dispose();
    }

    [Fact]
    public async Task A_cilium_node_that_is_deleted_is_made_anew_with_the_cidrs_that_pods_use()
    {
        var running = Start("cluster-pool", "10.0.0.0/24");
        _server.Remove(Path);
        See();
        await TestTables.UntilAsync(running, () => Cidrs == "10.0.0.0/24");
        await TestTables.EndAsync(_stop, running);
    }

    [Theory]
    [InlineData]
    [InlineData("10.0.5.0/24")]
    public async Task A_cilium_node_that_somebody_made_anew_gets_the_cidrs_that_pods_use(params string[] others)
    {
        var running = Start("cluster-pool", "10.0.0.0/24");
        _server.Remove(Path);
        Put(others);
        See();
        await TestTables.UntilAsync(running, () =>
        {
            // The loop's other write may come first: then the CIDRs meet a conflict, and wait for the newer version that a watch brings.
            See();
            return Cidrs == string.Join(',', ["10.0.0.0/24", .. others]);
        });
        await TestTables.EndAsync(_stop, running);
    }

    /// <summary>The operator makes an empty one at once, so that a watch may tell of the deletion and the creation as one change.</summary>
    [Fact]
    public async Task A_cilium_node_that_was_made_anew_between_two_looks_gets_what_the_agent_tells()
    {
        var running = Start("kubernetes");
        _server.Requests.Clear();
        _server.Remove(Path);
        Put([]);
        See();
        await TestTables.UntilAsync(running, () => IsTold);
        See();
        // What the node has to tell anew is the sign that the loop has looked.
        _test.Write(write => write.Upsert(_test.Kubernetes.Nodes, Node with { Labels = Cilium.Kubernetes.StringMap.Create([new("now", "1")]) }));
        await TestTables.UntilAsync(running, () => _server.Get(Path)!["metadata"]?["labels"]?["now"] is not null);
        Assert.Equal(2, _server.Requests.Count);
        await TestTables.EndAsync(_stop, running);
    }

    [Fact]
    public async Task While_the_agent_starts_a_cilium_node_made_anew_gets_what_it_tells()
    {
        Put([]);
        See();
        var publisher = New(new AgentReadiness());
        await publisher.EnsureAsync(Node, _stop.Token);
        // One that is there may hold more than the agent knows at its start.
        Assert.Empty(_server.Requests);

        _server.Remove(Path);
        Put([]);
        See();
        await publisher.EnsureAsync(Node, _stop.Token);
        Assert.True(IsTold);

        _server.Requests.Clear();
        await publisher.EnsureAsync(Node, _stop.Token);
        See();
        await publisher.EnsureAsync(Node, _stop.Token);
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task While_the_agent_starts_what_it_has_made_is_not_made_again_before_it_is_seen()
    {
        var publisher = New(new AgentReadiness());
        await publisher.EnsureAsync(Node, _stop.Token);
        Assert.True(IsTold);

        _server.Requests.Clear();
        await publisher.EnsureAsync(Node, _stop.Token);
        See();
        await publisher.EnsureAsync(Node, _stop.Token);
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task A_cilium_node_that_has_lost_its_cidrs_gets_them_back()
    {
        var running = Start("cluster-pool", "10.0.0.0/24");
        Put([]);
        See();
        await TestTables.UntilAsync(running, () => Cidrs == "10.0.0.0/24");
        await TestTables.EndAsync(_stop, running);
    }

    [Fact]
    public async Task A_conflict_that_brings_no_newer_row_is_no_end()
    {
        var running = Start("cluster-pool", "10.0.0.0/24");
        Put([]);
        See();
        var stale = _test.Kubernetes.CiliumNodes.Snapshot().Values.Single() with { ResourceVersion = "0" };
        _server.Requests.Clear();
        _test.Write(write => write.Upsert(_test.Kubernetes.CiliumNodes, stale));
        await TestTables.UntilAsync(running, () => _server.Requests.Count >= 2 || Cidrs.Length > 0);
        See();
        await TestTables.UntilAsync(running, () => Cidrs == "10.0.0.0/24");
        await TestTables.EndAsync(_stop, running);
    }

    /// <summary>The operator takes drained CIDRs, and an administrator any.</summary>
    [Fact]
    public async Task What_somebody_takes_from_the_same_object_stays_away()
    {
        var running = Start("cluster-pool", "10.0.0.0/24", "10.0.5.0/24");
        _server.Requests.Clear();
        Put(["10.0.5.0/24"]);
        See();
        // What the node has to tell anew is the sign that the loop has looked.
        _test.Write(write => write.Upsert(_test.Kubernetes.Nodes, Node with { Labels = Cilium.Kubernetes.StringMap.Create([new("now", "1")]) }));
        await TestTables.UntilAsync(running, () => _server.Get(Path)!["metadata"]?["labels"]?["now"] is not null);
        See();
        _test.Write(write => write.Upsert(_test.Kubernetes.Nodes, Node with { Labels = Cilium.Kubernetes.StringMap.Create([new("now", "2")]) }));
        await TestTables.UntilAsync(running, () => _server.Get(Path)!["metadata"]?["labels"]?["now"]?.ToString() == "2");
        Assert.Equal("10.0.5.0/24", Cidrs);
        await TestTables.EndAsync(_stop, running);
    }

    private KubeNodeRow Node { get; } = new() { Name = "node-a", Uid = "node-uid", NetworkIsUp = true };

    private bool IsTold => _server.Get(Path)?["spec"]?["addresses"] is not null;

    private string Cidrs => string.Join(',', (_server.Get(Path)?["spec"]?["ipam"]?["podCIDRs"] as JsonArray ?? []).Select(cidr => cidr!.ToString()));

    private Task Start(string mode, params string[] cidrs)
    {
        _test.Options.Ipam = mode;
        _test.Write(write =>
        {
            write.Upsert(_test.Kubernetes.Nodes, Node);
            write.Upsert(_test.Tables.LocalNode, _test.Self);
        });
        Put(cidrs);
        See();
        var readiness = new AgentReadiness();
        readiness.Complete();
        var running = New(readiness).RunAsync(_stop.Token);
        // It has looked once when it has told of the node.
        SpinWait.SpinUntil(() => _server.Requests.Any(request => request.StartsWith("PATCH", StringComparison.Ordinal)));
        See();
        return running;
    }

    private NodePublisher New(AgentReadiness readiness) => new(
        _test.Tables, _test.Options, _server.Connection, readiness, TimeProvider.System, NullLogger<NodePublisher>.Instance);

    private void Put(string[] cidrs)
    {
        var node = _server.Get(Path) ?? [];
        node["spec"] = new JsonObject { ["ipam"] = new JsonObject { ["podCIDRs"] = new JsonArray([.. cidrs.Select(cidr => JsonValue.Create(cidr))]) } };
        _server.Put(Path, node);
    }

    // As a watch would tell.
    private void See() => _test.Write(write => write.Replace(
        _test.Kubernetes.CiliumNodes,
        _server.List("apis/cilium.io/v2/ciliumnodes").Select(node => CiliumNodeDecoder.Node(Encoding.UTF8.GetBytes(node.ToJsonString()))!).ToList()));
}
