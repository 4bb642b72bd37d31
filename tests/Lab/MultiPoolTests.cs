namespace Cilium.LabTests;

public sealed class MultiPoolLab() : LabFixture("multi", "multi-pool.yaml");

/// <summary>Chapter 4, pools of addresses, and chapter 5, native routing.</summary>
public sealed class MultiPoolTests(MultiPoolLab lab) : IClassFixture<MultiPoolLab>
{
    [Fact]
    public async Task Every_node_holds_a_cidr_of_the_default_pool_and_has_routes_to_the_others()
    {
        Assert.Equal("10.10.0.0/16 27", await lab.ReadAsync("ciliumpodippool default", "{.spec.ipv4.cidrs[0]} {.spec.ipv4.maskSize}"));
        var requested = await lab.ReadAsync("ciliumnode kind-worker", "{.spec.ipam.pools.requested[?(@.pool==\"default\")].needed.ipv4-addrs}");
        Assert.Equal("16", requested);
        var nodes = (string[])["kind-control-plane", "kind-worker", "kind-worker2"];
        var cidrs = new Dictionary<string, string>();
        foreach (var node in nodes)
            cidrs[node] = await lab.ReadAsync($"ciliumnode {node}", "{.spec.ipam.pools.allocated[?(@.pool==\"default\")].cidrs[0]}");
        Assert.Equal(3, cidrs.Values.Distinct().Count());
        Assert.All(cidrs.Values, cidr => Assert.Matches(@"^10\.10\.\d+\.\d+/27$", cidr));

        foreach (var node in nodes)
        {
            foreach (var other in nodes.Where(other => other != node))
            {
                var address = await lab.ReadAsync($"node {other}", "{.status.addresses[?(@.type==\"InternalIP\")].address}");
                await LabFixture.EventuallyAsync(
                    () => RoutesAsync(node), routes => routes.Contains($"{cidrs[other]} via {address} dev eth0 proto kernel", StringComparison.Ordinal));
            }

            Assert.DoesNotContain("cilium_vxlan", await LabFixture.RunAsync("ip", "-n", lab.Lab.NamespaceOfNode(node), "-o", "link"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Pods_of_two_nodes_talk_without_a_tunnel_and_reach_the_world_with_their_nodes_address()
    {
        await lab.NodesReachEachOtherAsync();
        await lab.ApplyAsync("netshoot-client.yaml", "nginx.yaml");
        await lab.PodsReadyAsync("netshoot-client");
        await lab.KubectlAsync("rollout", "status", "deployment", "nginx-deployment", "--timeout=90s");
        var address = await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{.items[0].status.podIP}");
        Assert.StartsWith("10.10.", address, StringComparison.Ordinal);
        // A pod without a probe is Ready before its server listens.
        await lab.ReachesAsync("netshoot-client", $"http://{address}");
        await lab.ReachesAsync("netshoot-client", "http://nginx-service");
        Assert.Contains($"{address} dev lxc", await RoutesAsync("kind-worker2"), StringComparison.Ordinal);
        await using var flows = await ExplainedFlows.StartAsync(lab);
        foreach (var url in (string[])[$"http://{address}", "http://nginx-service", $"http://{address}:81"]) await lab.CurlAsync("netshoot-client", url, "--max-time", "10");
        // The world has no route to pods: an answer proves that the address was replaced.
        await lab.PingsAsync("netshoot-client", "203.0.113.10");
        await flows.AgreeAsync(delivered: 5, dropped: 0);
        await lab.DeleteAsync("netshoot-client.yaml", "nginx.yaml");
        await LabFixture.EventuallyAsync(() => RoutesAsync("kind-worker2"), routes => !routes.Contains($"{address} dev ", StringComparison.Ordinal), limitSeconds: 60);
    }

    [Fact]
    public async Task Namespaces_choose_their_pools_and_cidrs_follow_the_need()
    {
        await PoolsAsync();
        foreach (var name in (string[])["acme-corp", "foobar-inc"])
        {
            await lab.KubectlAsync("-n", name, "apply", "-f", lab.Walk("nginx.yaml"));
            await lab.KubectlAsync("-n", name, "scale", "deployment", "nginx-deployment", "--replicas=10");
            await lab.KubectlAsync("-n", name, "rollout", "status", "deployment", "nginx-deployment", "--timeout=120s");
        }

        Assert.All((await lab.ReadAsync("pods -n acme-corp", "{.items[*].status.podIP}")).Split(' '), address => Assert.StartsWith("10.20.", address, StringComparison.Ordinal));
        Assert.All((await lab.ReadAsync("pods -n foobar-inc", "{.items[*].status.podIP}")).Split(' '), address => Assert.StartsWith("10.30.", address, StringComparison.Ordinal));
        var status = await lab.AgentAsync("kind-worker2", "cilium-dbg", "status", "--verbose");
        Assert.Contains("10/30 allocated from pool acme-pool: 10.20.", status, StringComparison.Ordinal);
        Assert.Contains("acme-corp/nginx-deployment-", status, StringComparison.Ordinal);

        await lab.KubectlAsync("-n", "acme-corp", "scale", "deployment", "nginx-deployment", "--replicas=40");
        await LabFixture.EventuallyAsync(() => NeededAsync("acme-pool"), needed => needed == "40", 60);
        await LabFixture.EventuallyAsync(() => CidrsAsync("acme-pool"), cidrs => cidrs.Split(' ').Length == 2, 30);
        await lab.KubectlAsync("-n", "acme-corp", "rollout", "status", "deployment", "nginx-deployment", "--timeout=180s");
        Assert.Equal(40, (await lab.ReadAsync("pods -n acme-corp", "{.items[*].status.podIP}")).Split(' ').Distinct().Count());

        await lab.KubectlAsync("-n", "acme-corp", "delete", "deployment", "nginx-deployment");
        await LabFixture.EventuallyAsync(() => CidrsAsync("acme-pool"), cidrs => cidrs.Length == 0, 60);
        await lab.KubectlAsync("-n", "foobar-inc", "delete", "deployment", "nginx-deployment");
    }

    [Fact]
    public async Task Pods_wait_for_an_exhausted_pool_and_start_when_addresses_come_back()
    {
        await PoolsAsync();
        await lab.KubectlAsync("-n", "tiny-org", "apply", "-f", lab.Walk("nginx.yaml"));
        await lab.KubectlAsync("-n", "tiny-org", "scale", "deployment", "nginx-deployment", "--replicas=8");
        await LabFixture.EventuallyAsync(
            () => lab.ReadAsync("pods -n tiny-org", "{range .items[*]}{.status.podIP}{\"\\n\"}{end}"),
            addresses => addresses.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length == 6, 60);
        await LabFixture.EventuallyAsync(
            () => lab.KubectlAsync("-n", "tiny-org", "get", "events"), events => events.Contains("pool tiny-pool is exhausted", StringComparison.Ordinal), 60);

        await lab.KubectlAsync("-n", "tiny-org", "scale", "deployment", "nginx-deployment", "--replicas=6");
        await lab.KubectlAsync("-n", "tiny-org", "rollout", "status", "deployment", "nginx-deployment", "--timeout=120s");
        await lab.KubectlAsync("-n", "tiny-org", "delete", "deployment", "nginx-deployment");
    }

    [Fact]
    public async Task A_cidr_is_added_and_another_drained_and_only_new_pods_move()
    {
        await PoolsAsync();
        await lab.KubectlAsync("-n", "foobar-inc", "create", "deployment", "mover", "--image=busybox", "--replicas=3");
        await lab.KubectlAsync("-n", "foobar-inc", "rollout", "status", "deployment", "mover", "--timeout=120s");
        string[] change = ["--pool", "foobar-pool", "--add", "10.31.0.0/16", "--drain", "10.30.0.0/16"];
        var plan = await lab.CiliumExitAsync(["ipam", "plan", .. change]);
        Assert.Equal(2, plan.ExitCode);
        Assert.Contains("when nobody has an address of it: now foobar-inc/mover-", plan.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await lab.CiliumExitAsync(["ipam", "apply", .. change])).ExitCode);
        Assert.Equal(1, (await lab.CiliumExitAsync(["ipam", "plan", .. change])).ExitCode);

        await lab.KubectlAsync("-n", "foobar-inc", "scale", "deployment", "mover", "--replicas=8");
        await lab.KubectlAsync("-n", "foobar-inc", "rollout", "status", "deployment", "mover", "--timeout=120s");
        var addresses = (await lab.ReadAsync("pods -n foobar-inc -l app=mover", "{.items[*].status.podIP}")).Split(' ');
        Assert.Equal(3, addresses.Count(address => address.StartsWith("10.30.", StringComparison.Ordinal)));
        Assert.Equal(5, addresses.Count(address => address.StartsWith("10.31.", StringComparison.Ordinal)));
        await LabFixture.EventuallyAsync(() => lab.CiliumExitAsync("ipam", "check", "--settle", "1s"), check => check.ExitCode == 0, 60);

        // The old ones go, and with them what was drained.
        await lab.KubectlAsync("-n", "foobar-inc", "rollout", "restart", "deployment", "mover");
        await LabFixture.EventuallyAsync(
            () => lab.ReadAsync("ciliumnodes", "{.items[*].spec.ipam.pools.allocated[?(@.pool==\"foobar-pool\")].cidrs[*]}"),
            cidrs => cidrs.Length > 0 && !cidrs.Contains("10.30.", StringComparison.Ordinal), 120);
        await lab.KubectlAsync("-n", "foobar-inc", "delete", "deployment", "mover");
    }

    [Fact]
    public async Task A_leaked_endpoint_is_found_and_repaired()
    {
        await LabFixture.EventuallyAsync(() => lab.CiliumExitAsync("ipam", "check", "--settle", "1s"), check => check.ExitCode == 0, 60);
        var manifest = Path.GetTempFileName();
        await File.WriteAllTextAsync(manifest, """
            apiVersion: cilium.io/v2
            kind: CiliumEndpoint
            metadata: { name: gone, namespace: default }
            status: { networking: { addressing: [ { ipv4: 10.10.255.9 } ], node: 10.0.0.1 } }
            """, CancellationToken.None);
        await lab.KubectlAsync("apply", "-f", manifest);
        File.Delete(manifest);

        var json = await lab.CiliumExitAsync("ipam", "check", "--settle", "1s", "-o", "json");
        Assert.Equal(2, json.ExitCode);
        Assert.Contains("\"fault\": \"leaked-address\"", json.Output, StringComparison.Ordinal);
        var repaired = await lab.CiliumExitAsync("ipam", "check", "--settle", "1s", "--repair");
        Assert.Equal(0, repaired.ExitCode);
        Assert.Contains("repaired: 10.10.255.9 is kept by the CiliumEndpoint default/gone, whose pod is gone", repaired.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await lab.CiliumExitAsync("ipam", "check", "--settle", "1s")).ExitCode);
    }

    private async Task PoolsAsync()
    {
        await lab.ApplyAsync("pod-pools.yaml");
        foreach (var (name, pool) in ((string, string)[])[("acme-corp", "acme-pool"), ("foobar-inc", "foobar-pool"), ("tiny-org", "tiny-pool")])
            await lab.KubectlAsync("annotate", "--overwrite", "namespace", name, $"ipam.cilium.io/ip-pool={pool}");
    }

    private Task<string> NeededAsync(string pool) =>
        lab.ReadAsync("ciliumnode kind-worker2", $"{{.spec.ipam.pools.requested[?(@.pool==\"{pool}\")].needed.ipv4-addrs}}");

    private Task<string> CidrsAsync(string pool) =>
        lab.ReadAsync("ciliumnode kind-worker2", $"{{.spec.ipam.pools.allocated[?(@.pool==\"{pool}\")].cidrs[*]}}");

    private Task<string> RoutesAsync(string node) => LabFixture.RunAsync("ip", "-n", lab.Lab.NamespaceOfNode(node), "route");
}
