using System.Text.Json.Nodes;
using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.Kubernetes.Tests.Addresses;

public sealed class ClusterAddressTests : IDisposable
{
    private const string Nodes = "apis/cilium.io/v2/ciliumnodes";
    private const string Pools = "apis/cilium.io/v2alpha1/ciliumpodippools";
    private const string Config = "api/v1/namespaces/kube-system/configmaps/cilium-config";
    private readonly FakeApiServer _server = new(TimeProvider.System);

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task What_is_written_down_is_read_once_with_the_pools_of_its_mode()
    {
        Put(Config, """{"data":{"ipam":"cluster-pool","cluster-pool-ipv4-cidr":"10.1.0.0/16 10.2.0.0/16","cluster-pool-ipv4-mask-size":"25","cluster-pool-ipv4-drained-cidr":"10.0.0.0/16","enable-ipv6":"false","cluster-pool-ipv6-cidr":"fd00::/104"}}""");
        Put("api/v1/nodes/a", """{"spec":{"podCIDRs":["10.244.0.0/24"]}}""");
        Put($"{Nodes}/a", """{"spec":{"ipam":{"podCIDRs":["10.0.0.0/25","10.1.0.0/25"]},"addresses":[{"type":"CiliumInternalIP","ip":"10.1.0.7"}],"health":{"ipv4":"10.1.0.8"}}}""");
        Put($"{Nodes}/gone", "{}");
        Put("api/v1/namespaces/default/pods/x", """{"metadata":{"namespace":"default"},"spec":{"nodeName":"a"},"status":{"phase":"Running","podIPs":[{"ip":"10.1.0.9"}]}}""");
        Put("api/v1/namespaces/default/pods/host", """{"metadata":{"namespace":"default"},"spec":{"nodeName":"a","hostNetwork":true},"status":{"podIPs":[{"ip":"172.18.0.2"}]}}""");
        var read = await new ClusterAddressReader(_server.Connection, "kube-system").ReadAsync(CancellationToken.None);

        var pool = Assert.Single(read.Pools);
        Assert.Equal(new PoolFamily([Prefix.Parse("10.1.0.0/16"), Prefix.Parse("10.2.0.0/16")], 25), pool.IPv4);
        Assert.Null(pool.IPv6);
        Assert.Equal([Prefix.Parse("10.0.0.0/16")], read.DrainedCidrs);
        Assert.Equal([true, false], read.Nodes.OrderBy(node => node.Name, StringComparer.Ordinal).Select(node => node.HasNode));
        var node = read.Nodes.First(node => node.Name == "a");
        Assert.Equal([Prefix.Parse("10.0.0.0/25"), Prefix.Parse("10.1.0.0/25")], Assert.Single(node.Held).Cidrs);
        Assert.Equal(["router", "health"], node.Own.Values);
        Assert.Equal("default/x", Assert.Single(read.Pods).Owner);
    }

    [Fact]
    public async Task A_shared_cidr_is_taken_from_the_node_that_does_not_use_it_but_not_over_a_newer_version()
    {
        Put(Config, """{"data":{"ipam":"multi-pool"}}""");
        Put($"{Pools}/default", """{"spec":{"ipv4":{"cidrs":["10.0.0.0/16"],"maskSize":27}}}""");
        foreach (var name in new[] { "a", "b" })
        {
            Put($"api/v1/nodes/{name}", "{}");
            Put($"{Nodes}/{name}", """{"spec":{"ipam":{"pools":{"requested":[{"pool":"default","needed":{"ipv4-addrs":8}}],"allocated":[{"pool":"default","cidrs":["10.0.0.0/27"]}]}}}}""");
        }

        Put("api/v1/namespaces/default/pods/x", """{"metadata":{"namespace":"default"},"spec":{"nodeName":"b"},"status":{"phase":"Running","podIPs":[{"ip":"10.0.0.9"}]}}""");
        var (reader, writer) = (new ClusterAddressReader(_server.Connection, "kube-system"), new ClusterAddressWriter(_server.Connection, "kube-system"));
        var seen = await reader.ReadAsync(CancellationToken.None);
        var finding = Assert.Single(AddressCheck.Find(seen));
        Put($"{Nodes}/a", """{"spec":{"ipam":{"pools":{"allocated":[{"pool":"default","cidrs":["10.0.0.0/27"]}]}}}}""");
        Assert.False(await writer.RepairAsync(seen, finding, CancellationToken.None));

        var report = await new ClusterAddressCheck(reader, writer, TimeProvider.System).RunAsync(TimeSpan.Zero, repairs: true, CancellationToken.None);
        Assert.True(report.IsClean);
        Assert.Single(report.Findings);
        Assert.Empty(AddressCheck.Find(await reader.ReadAsync(CancellationToken.None)));
        Assert.Empty((JsonArray)_server.Get($"{Nodes}/a")!["spec"]!["ipam"]!["pools"]!["allocated"]!);
        Assert.Single((JsonArray)_server.Get($"{Nodes}/b")!["spec"]!["ipam"]!["pools"]!["allocated"]!);
    }

    [Fact]
    public async Task Objects_without_pod_or_node_are_deleted_unless_the_server_knows_better()
    {
        Put(Config, """{"data":{"ipam":"kubernetes"}}""");
        Put($"{Nodes}/gone", """{"spec":{"ipam":{"podCIDRs":["10.244.0.0/24"]}}}""");
        Put("apis/cilium.io/v2/namespaces/default/ciliumendpoints/left", """{"metadata":{"namespace":"default"},"status":{"networking":{"addressing":[{"ipv4":"10.244.0.9"}]}}}""");
        var (reader, writer) = (new ClusterAddressReader(_server.Connection, "kube-system"), new ClusterAddressWriter(_server.Connection, "kube-system"));
        var seen = await reader.ReadAsync(CancellationToken.None);
        var findings = AddressCheck.Find(seen);
        Assert.Equal([AddressRepair.DeleteEndpoint, AddressRepair.DeleteNode], findings.Select(finding => finding.Repair));

        // Both come back before anything is done.
        Put("api/v1/nodes/gone", "{}");
        Put("api/v1/namespaces/default/pods/left", """{"metadata":{"namespace":"default"},"status":{"phase":"Running"}}""");
        foreach (var finding in findings) Assert.False(await writer.RepairAsync(seen, finding, CancellationToken.None));
        _server.Remove("api/v1/nodes/gone");
        _server.Remove("api/v1/namespaces/default/pods/left");
        foreach (var finding in findings) Assert.True(await writer.RepairAsync(seen, finding, CancellationToken.None));
        Assert.Empty(AddressCheck.Find(await reader.ReadAsync(CancellationToken.None)));
    }

    [Fact]
    public async Task A_plan_is_written_over_the_pool_that_it_was_made_from()
    {
        Put(Config, """{"data":{"ipam":"multi-pool"}}""");
        Put($"{Pools}/acme", """{"spec":{"ipv4":{"cidrs":["10.20.0.0/16"],"maskSize":27},"podSelector":{"matchLabels":{"a":"b"}}}}""");
        var (reader, writer) = (new ClusterAddressReader(_server.Connection, "kube-system"), new ClusterAddressWriter(_server.Connection, "kube-system"));
        var seen = await reader.ReadAsync(CancellationToken.None);
        var plan = PoolPlanner.Plan(seen, new PoolChange("acme", [Prefix.Parse("10.21.0.0/16")], [Prefix.Parse("10.20.0.0/16")]));
        await writer.ApplyAsync(seen, plan, CancellationToken.None);
        var spec = _server.Get($"{Pools}/acme")!["spec"]!;
        Assert.Equal("""["10.21.0.0/16"]""", spec["ipv4"]!["cidrs"]!.ToJsonString());
        Assert.Equal("b", spec["podSelector"]!["matchLabels"]!["a"]!.ToString());
        var late = await Assert.ThrowsAsync<InvalidOperationException>(() => writer.ApplyAsync(seen, plan, CancellationToken.None));
        Assert.Contains("changed by somebody else", late.Message, StringComparison.Ordinal);
        var refused = PoolPlanner.Plan(seen, new PoolChange("acme", [], [Prefix.Parse("10.20.0.0/16")]));
        await Assert.ThrowsAsync<InvalidOperationException>(() => writer.ApplyAsync(seen, refused, CancellationToken.None));
    }

    private void Put(string path, string json)
    {
        var value = (JsonObject)JsonNode.Parse(json)!;
        var metadata = value["metadata"] as JsonObject ?? [];
        value["metadata"] = metadata;
        metadata["name"] = path[(path.LastIndexOf('/') + 1)..];
        _server.Put(path, value);
    }
}
