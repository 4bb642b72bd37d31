using System.Text.Json;
using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Hosts.Lab;
using Cilium.Kubernetes;
using Cilium.Simulation.Clusters;
using Cilium.Simulation.Scale;

namespace Cilium.Simulation.Tests;

/// <summary><c>cilium-lab simulate</c>, and the cluster beneath it that changes while it runs.</summary>
public sealed class ScaleTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_hundred_pods_on_twenty_nodes_reach_whom_the_policies_let_them(bool hasIPv6)
    {
        var report = await RunAsync(new ScaleOptions { Nodes = 20, Pods = 200, Services = 20, Policies = 12, HasIPv6 = hasIPv6 });
        Assert.Empty(report.Flows.Differences);
        Assert.All(report.Steps, step => Assert.Equal(0, step.MissingRows));
        Assert.Equal(["all nodes hold all rows", "a pod created", "a policy applied", "a backend gone"], report.Steps.Select(step => step.Name));
        Assert.Equal(400, report.Flows.Tried);
        // The sample means something only when both outcomes are in it.
        Assert.InRange(report.Flows.Established, 40, 360);
        Assert.InRange(report.Flows.Denied, 40, 360);
        Assert.Equal(4, report.Flows.Kinds.Count);
        var ipcache = Assert.Single(report.Maps, map => map.Name == "cilium_ipcache");
        Assert.True(ipcache.Entries.Minimum >= (hasIPv6 ? 400 : 200), $"{ipcache.Entries}");
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_cluster_and_another_one_another()
    {
        var options = new ScaleOptions { Nodes = 4, Pods = 30, Services = 5, Policies = 10, Flows = 100 };
        var (first, again, other) = (await RunAsync(options), await RunAsync(options), await RunAsync(options with { Seed = 2 }));
        Assert.Equal(Figures(first), Figures(again));
        Assert.NotEqual(Figures(first), Figures(other));

        static string Figures(ScaleReport report) => JsonSerializer.Serialize(new { report.Maps, Flows = report.Flows with { WallSeconds = 0 } });
    }

    [Fact]
    public async Task An_entry_that_a_node_lacks_is_a_difference_that_names_the_connection()
    {
        var options = new ScaleOptions { Nodes = 2, Pods = 10, Services = 0, Policies = 0 };
        await using var cluster = await StartAsync(options);
        Assert.Equal(0, new RowCheck(cluster).Missing());

        // The first node forgets who the others' pods are: they become strangers that are not tunnelled to.
        var node = cluster.Nodes[0];
        foreach (var pod in cluster.Pods.Values.Where(pod => !ReferenceEquals(pod.Node, node)))
            node.Datapath.Maps.IpCache.Update(Prefix.Of(pod.Row.PodIPs[0]).ToMap(), new(Identity.World.Value, 0, default));
        Assert.True(new RowCheck(cluster).Missing() >= 5);
        var flows = new ConnectionSample(cluster, ReferenceOf(cluster), new Random(1)).Try(40, hasIPv6: false, TimeProvider.System);
        var difference = flows.Differences[0];
        Assert.Contains("node-1", difference.ToString(), StringComparison.Ordinal);
        Assert.Equal("established", difference.Expected);
    }

    [Fact]
    public async Task A_pod_that_comes_and_goes_gives_its_address_back_and_leaves_nothing_in_any_node()
    {
        var options = new ScaleOptions { Nodes = 3, Pods = 9, Services = 3, Policies = 0 };
        await using var cluster = await StartAsync(options);
        var used = cluster.Nodes.Sum(node => node.Ipam.Snapshot().Count);
        for (var i = 0; i < 20; i++)
        {
            var pod = await cluster.AddAsync(new ScaleObjects(options).Pod(100 + i), CancellationToken.None);
            await cluster.SettleAsync(CancellationToken.None);
            Assert.Equal(0, new RowCheck(cluster).Missing());
            Assert.Equal(1, pod.Node.Virtual.Host.Interfaces.Count(device => device.Name == pod.HostSide.Name));
            Assert.True(await cluster.RemoveAsync(pod.Row.Key, CancellationToken.None));
            await cluster.SettleAsync(CancellationToken.None);
            Assert.Equal(0, new RowCheck(cluster).Missing());
            Assert.DoesNotContain(pod.Node.Virtual.Host.Interfaces, device => device.Name == pod.HostSide.Name);
        }
        Assert.Equal(used, cluster.Nodes.Sum(node => node.Ipam.Snapshot().Count));
        Assert.False(await cluster.RemoveAsync(new NamespacedName("ns-0", "nobody"), CancellationToken.None));
    }

    [Fact]
    public async Task A_policy_takes_hold_everywhere_and_lets_go_again()
    {
        await using var cluster = await StartAsync(new ScaleOptions { Nodes = 3, Pods = 12, Services = 0, Policies = 0 });
        var pods = cluster.Pods.Values.ToList();
        var (from, to) = (pods[0], pods.First(pod => !ReferenceEquals(pod.Node, pods[0].Node)));
        var policy = TestCluster.Policy(PolicyObjectKind.CiliumClusterwideNetworkPolicy, "none", """{"endpointSelector":{},"ingress":[{}]}""");
        Assert.Equal(ConnectionEnd.Established, Found());
        await cluster.ApplyAsync(policy, CancellationToken.None);
        await cluster.SettleAsync(CancellationToken.None);
        Assert.Equal(ConnectionEnd.Denied, Found());
        await cluster.DeleteAsync(policy.Key, CancellationToken.None);
        await cluster.SettleAsync(CancellationToken.None);
        Assert.Equal(ConnectionEnd.Established, Found());

        ConnectionEnd Found() => new ConnectionTrial(cluster, ReferenceOf(cluster)).ToPod(from, to, ScaleObjects.Metrics, isIPv4: true).Found;
    }

    [Fact]
    public async Task Nodes_have_their_programs_in_common()
    {
        await using var cluster = await StartAsync(new ScaleOptions { Nodes = 5, Pods = 10, Services = 1, Policies = 1 });
        var programs = cluster.Fabric.Options.Code.LinkedPrograms;
        await using var larger = await StartAsync(new ScaleOptions { Nodes = 10, Pods = 10, Services = 1, Policies = 1 });
        Assert.Equal(programs, larger.Fabric.Options.Code.LinkedPrograms);
    }

    [Fact]
    public async Task The_command_prints_what_it_found_and_refuses_what_is_none()
    {
        var (code, output, _) = await CommandAsync("--nodes", "2", "--pods", "6", "--services", "1", "--policies", "2", "--flows", "20");
        Assert.Equal(0, code);
        Assert.Contains("All as the reference says.", output, StringComparison.Ordinal);
        (code, output, _) = await CommandAsync("--nodes", "2", "--pods", "6", "--flows", "20", "-o", "json");
        Assert.Equal(0, code);
        using var json = JsonDocument.Parse(output);
        Assert.Equal(20, json.RootElement.GetProperty("flows").GetProperty("tried").GetInt32());
        Assert.True(json.RootElement.GetProperty("isAsExpected").GetBoolean());
        (code, _, var error) = await CommandAsync("--nodes", "1", "--pods", "300");
        Assert.Equal(2, code);
        Assert.Contains("has no address on node-1", error, StringComparison.Ordinal);
        Assert.Equal(2, (await CommandAsync("--nodes", "0")).Code);
    }

    private static Task<ScaleReport> RunAsync(ScaleOptions options) => ScaleRun.RunAsync(options, TimeProvider.System, _ => { }, CancellationToken.None);

    private static Task<SimulatedCluster> StartAsync(ScaleOptions options) =>
        SimulatedCluster.StartAsync(new ScaleObjects(options).Make(), options.ToSimulation(), _ => [], null, CancellationToken.None);

    private static NaivePolicies ReferenceOf(SimulatedCluster cluster) =>
        new(cluster.Kubernetes.Policies.Snapshot().Values, cluster.Kubernetes.Namespaces.Snapshot().Values.ToDictionary(row => row.Name, row => row.Labels));

    private static async Task<(int Code, string Output, string Error)> CommandAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await LabCommands.Build().Parse(["simulate", .. arguments]).InvokeAsync(new() { Output = output, Error = error });
        return (code, output.ToString(), error.ToString());
    }
}
