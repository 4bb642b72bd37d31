using System.Net;
using Cilium.Hosts.Lab;
using Cilium.Simulation.Clusters;
using Cilium.Simulation.Scale;
using Cilium.Simulation.Serving;

namespace Cilium.Simulation.Tests;

/// <summary>Clusters whose operators and agents write to an API server, and know of each other by its watches only.</summary>
public sealed class ServedClusterTests
{
    private static readonly ScaleOptions s_options = new() { Nodes = 20, Pods = 60, Services = 10, Policies = 10, Flows = 60, ApiServer = SimulatedApi.Create };

    [Fact]
    public async Task Operators_and_agents_bring_a_cluster_up_by_an_API_server_to_the_end_state_that_tables_give()
    {
        var report = await RunAsync(s_options with { HasIPv6 = true });
        Assert.Empty(report.Api!.Wrong);
        Assert.True(report.IsAsExpected, ScaleText.Of(report));

        // What every node writes, and what is written for every node. Who looks before its own write came back writes once more.
        Assert.Equal(new ScaleSpread(1, 1, 1), Row(report, "agent", "nodes", "patch").PerNode);
        Assert.Equal(new ScaleSpread(1, 1, 1), Row(report, "agent", "nodes", "patch status").PerNode);
        Assert.InRange(Row(report, "agent", "ciliumnodes", "patch").PerNode!.Value.Minimum, 1, 2);
        Assert.InRange(Row(report, "operator", "ciliumnodes", "patch").Count, 20, 60);
        Assert.InRange(Row(report, "agent", "ciliumendpoints", "create").Count, 61, 122);
        Assert.Equal(1, Row(report, "agent", "ciliumendpoints", "delete").Count);
        Assert.Equal(0, report.Api.DeadOperators);
        Assert.DoesNotContain(report.Api.Requests, row => row.By == "agent" && row.Verb == "watch");
        Assert.InRange(report.Api.Events.Single(row => row is { To: "agents", Resource: "ciliumendpoints" }).Count, 62, 124);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_server_that_fails_and_a_leader_that_dies_change_nothing_of_the_end_state(int seed)
    {
        var calm = await RunAsync(s_options with { Seed = seed });
        var rough = await RunAsync(s_options with { Seed = seed, HasFaults = true });
        Assert.True(calm.IsAsExpected, ScaleText.Of(calm));
        Assert.True(rough.IsAsExpected, ScaleText.Of(rough));
        Assert.Equal(1, rough.Api!.DeadOperators);
        Assert.Equal((0, 0, 0), (calm.Api!.FailedWrites, calm.Api.BrokenWatches, calm.Api.DeadOperators));
        Assert.True(rough.Api.FailedWrites >= 10 && rough.Api.BrokenWatches >= 2, $"{rough.Api.FailedWrites} writes failed, {rough.Api.BrokenWatches} watches were broken off");
        Assert.True(rough.Steps[0].VirtualSeconds > calm.Steps[0].VirtualSeconds + 15, "a lease must have run out");
        Assert.Equal(calm.EndState, rough.EndState);
        Assert.Equal(calm.Flows.Kinds, rough.Flows.Kinds);
        Assert.Equal((calm.Flows.Established, calm.Flows.Denied), (rough.Flows.Established, rough.Flows.Denied));
    }

    [Fact]
    public async Task The_last_pod_of_a_label_set_takes_its_identity_with_it_in_time()
    {
        var options = s_options with { Nodes = 2, Pods = 4, Services = 1, Policies = 1 };
        await using var cluster = await StartAsync(options);
        var lonely = cluster.Pods.Values.First(pod => cluster.Pods.Values.Count(other => other.Identity == pod.Identity) == 1);
        var identity = lonely.Identity;
        Assert.True(await cluster.RemoveAsync(lonely.Row.Key, CancellationToken.None));
        await cluster.SettleAsync(CancellationToken.None);
        Assert.True(cluster.Kubernetes.CiliumIdentities.TryGet(identity, out var row));
        Assert.Equal("", row.UnusedSince);

        // The operator looks every 15 minutes, and lets go of what is unused for 30. Its turn may come a look later.
        for (var minutes = 0; row.UnusedSince.Length == 0 && minutes < 31; minutes += 4)
        {
            await cluster.PassAsync(TimeSpan.FromMinutes(4), CancellationToken.None);
            Assert.True(cluster.Kubernetes.CiliumIdentities.TryGet(identity, out row));
        }

        Assert.NotEqual("", row.UnusedSince);
        for (var minutes = 0; cluster.Kubernetes.CiliumIdentities.TryGet(identity, out _) && minutes < 92; minutes += 23)
        {
            await cluster.PassAsync(TimeSpan.FromMinutes(23), CancellationToken.None);
        }

        Assert.False(cluster.Kubernetes.CiliumIdentities.TryGet(identity, out _));
        Assert.Empty(await ClusterAudit.CheckAsync(cluster, CancellationToken.None));
        Assert.Equal(0, new RowCheck(cluster).Missing());
    }

    [Fact]
    public async Task What_is_wrong_at_the_server_is_found()
    {
        await using var cluster = await StartAsync(s_options with { Nodes = 2, Pods = 6, Services = 5, Policies = 5 });
        Assert.Empty(await ClusterAudit.CheckAsync(cluster, CancellationToken.None));
        using var client = new HttpClient(new ApiClient("rival", cluster.Served!.Handler, new ApiTraffic(), null)) { BaseAddress = new Uri("http://api.simulated/") };
        var cidr = cluster.Nodes[0].Local.PodPrefixes[0];
        var patch = new StringContent($$$$"""{"spec":{"ipam":{"podCIDRs":["{{{{cidr}}}}"]}}}""", null, "application/merge-patch+json");
        Assert.Equal(HttpStatusCode.OK, (await client.PatchAsync($"apis/cilium.io/v2/ciliumnodes/{cluster.Nodes[1].Name}", patch)).StatusCode);
        var pod = cluster.Pods.Values.First().Row.Key;
        Assert.Equal(HttpStatusCode.OK, (await client.DeleteAsync($"apis/cilium.io/v2/namespaces/{pod.Namespace}/ciliumendpoints/{pod.Name}")).StatusCode);
        var wrong = await ClusterAudit.CheckAsync(cluster, CancellationToken.None);
        Assert.Contains(wrong, line => line.Contains($"{cidr} is of", StringComparison.Ordinal));
        Assert.Contains($"pod {pod} has no CiliumEndpoint", wrong);
    }

    [Fact]
    public void Faults_follow_from_the_seed_and_leave_creations_and_deletions_without_conflicts()
    {
        var (one, same, other) = (Sequence(1), Sequence(1), Sequence(2));
        Assert.Equal(one, same);
        Assert.NotEqual(one, other);
        Assert.InRange(one.Count(fault => fault != ApiFault.None), 60, 200);
        Assert.All(new[] { "create", "delete" }, verb => Assert.DoesNotContain(ApiFault.Conflict, Sequence(3, verb)));

        static List<ApiFault> Sequence(int seed, string verb = "patch")
        {
            var faults = new ApiFaults(seed);
            return [.. Enumerable.Range(0, 1000).Select(i => faults.OfWrite($"node-{i % 7}", new ApiTarget("ciliumendpoints", $"a/p{i % 31}", verb)))];
        }
    }

    private static ScaleRequests Row(ScaleReport report, string by, string resource, string verb) =>
        report.Api!.Requests.Single(row => row.By == by && row.Resource == resource && row.Verb == verb);

    private static Task<ScaleReport> RunAsync(ScaleOptions options) =>
        ScaleRun.RunAsync(options, TimeProvider.System, _ => { }, CancellationToken.None).WaitAsync(TimeSpan.FromMinutes(3));

    private static Task<SimulatedCluster> StartAsync(ScaleOptions options) =>
        SimulatedCluster.StartAsync(new ScaleObjects(options).Make(), options.ToSimulation(), _ => [], null, CancellationToken.None).WaitAsync(TimeSpan.FromMinutes(3));
}
