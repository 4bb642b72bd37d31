namespace Cilium.LabTests;

public sealed class KubernetesAddressesLab() : LabFixture("start", "kubernetes.yaml");

/// <summary>Chapter 3, and chapter 4's <c>kubernetes</c> addresses, which it uses.</summary>
public sealed class GettingStartedTests(KubernetesAddressesLab lab) : IClassFixture<KubernetesAddressesLab>, IAsyncLifetime
{
    private static readonly string[] Workloads = ["netshoot-client.yaml", "unauthorized-client.yaml", "nginx.yaml"];

    public async ValueTask InitializeAsync()
    {
        await lab.ApplyAsync(Workloads);
        await lab.PodsReadyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await lab.KubectlAsync("delete", "ciliumnetworkpolicies", "--all");
        await lab.DeleteAsync(Workloads);
        // Those of a deployment go after it, and the next test waits for all pods that there are.
        await LabFixture.EventuallyAsync(() => lab.KubectlAsync("get", "pods", "-o", "name"), names => names.Length == 0, 60);
    }

    [Fact]
    public async Task Nodes_are_ready_and_pods_have_addresses_of_their_node()
    {
        foreach (var node in lab.Lab.NodeNames)
        {
            Assert.Equal("True", await lab.ReadAsync($"node {node}", "{.status.conditions[?(@.type==\"Ready\")].status}"));
            Assert.Equal(await lab.ReadAsync($"node {node}", "{.spec.podCIDRs[*]}"), await lab.ReadAsync($"ciliumnode {node}", "{.spec.ipam.podCIDRs[*]}"));
        }

        var range = System.Net.IPNetwork.Parse(await lab.ReadAsync("node kind-worker", "{.spec.podCIDR}"));
        Assert.True(range.Contains(System.Net.IPAddress.Parse(await lab.ReadAsync("pod netshoot-client", "{.status.podIP}"))));
    }

    [Fact]
    public async Task A_pod_reaches_a_pod_on_another_node()
    {
        var address = await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{.items[0].status.podIP}");
        // A pod without a probe is Ready before its server listens.
        await lab.ReachesAsync("netshoot-client", $"http://{address}");
        await LabFixture.EventuallyAsync(() => PageAsync($"http://{address}"), page => page.Contains("Welcome to nginx!", StringComparison.Ordinal));
        await lab.PingsAsync("netshoot-client", address);
    }

    [Fact]
    public async Task A_pod_reaches_the_world_outside_under_its_nodes_address()
    {
        var own = await lab.ReadAsync("pod netshoot-client", "{.status.hostIP}");
        await LabFixture.EventuallyAsync(() => PageAsync("http://203.0.113.10"), answer => answer == $"you are {own}\n");
    }

    [Fact]
    public async Task A_service_spreads_over_its_backends_by_address_and_name()
    {
        await lab.KubectlAsync("scale", "deployment", "nginx-deployment", "--replicas=2");
        await lab.KubectlAsync("rollout", "status", "deployment", "nginx-deployment", "--timeout=60s");
        var address = await lab.ReadAsync("service nginx-service", "{.spec.clusterIP}");
        var endpoints = await LabFixture.EventuallyAsync(
            () => lab.ReadAsync("endpointslices -l kubernetes.io/service-name=nginx-service", "{.items[*].endpoints[*].addresses[0]}"), list => list.Split(' ').Length == 2);

        foreach (var name in (string[])[address, "nginx-service", "nginx-service.default.svc.cluster.local"])
            await lab.ReachesAsync("netshoot-client", $"http://{name}");
        for (var request = 0; request < 20; request++) await lab.CurlAsync("netshoot-client", $"http://{address}");
        foreach (var pod in (await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{.items[*].metadata.name}")).Split(' '))
            await LabFixture.EventuallyAsync(() => lab.KubectlAsync("logs", pod), log => log.Contains("GET / HTTP/1.1", StringComparison.Ordinal));
        Assert.Equal(2, endpoints.Split(' ').Distinct().Count());
    }

    [Fact]
    public async Task A_policy_lets_one_client_pass_and_drops_the_other()
    {
        const string url = "http://nginx-service";
        await lab.ReachesAsync("unauthorized-client", url);

        await lab.ApplyAsync("policy.yaml");
        Assert.Equal("exit 28", await LabFixture.EventuallyAsync(() => lab.CurlAsync("unauthorized-client", url), status => status == "exit 28"));
        await lab.ReachesAsync("netshoot-client", url);
        await LabFixture.EventuallyAsync(() => lab.ReadAsync("cnp policy", "{.status.conditions[?(@.type==\"Valid\")].status}"), valid => valid == "True");

        await lab.DeleteAsync("policy.yaml");
        await lab.ReachesAsync("unauthorized-client", url);
    }

    [Fact]
    public async Task Hubble_tells_who_passed_and_who_was_dropped()
    {
        await lab.ApplyAsync("policy.yaml");
        await LabFixture.EventuallyAsync(() => lab.CurlAsync("unauthorized-client", "http://nginx-service"), status => status == "exit 28");
        await lab.ReachesAsync("netshoot-client", "http://nginx-service");

        var dropped = await ObserveAsync("unauthorized-client", "DROPPED", "INGRESS DENIED");
        Assert.Contains("policy-verdict:none INGRESS DENIED (TCP Flags: SYN)", dropped, StringComparison.Ordinal);
        var passed = await ObserveAsync("netshoot-client", "FORWARDED", "INGRESS ALLOWED");
        Assert.Contains("policy-verdict:L3-L4 INGRESS ALLOWED (TCP Flags: SYN)", passed, StringComparison.Ordinal);
        var named = await ObserveAsync("netshoot-client", "FORWARDED", "INGRESS ALLOWED BY", "--print-policy-names");
        Assert.Contains("policy-verdict:L3-L4 INGRESS ALLOWED BY policy (CiliumNetworkPolicy) (TCP Flags: SYN)", named, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_copy_of_the_node_explains_what_its_traffic_meets()
    {
        foreach (var (name, label) in new[] { ("near-client", "netshoot-client"), ("near-stranger", "stranger") })
        {
            await lab.KubectlAsync(
                "run", name, "--image=nicolaka/netshoot", $"--labels=app.kubernetes.io/name={label}", "--overrides={\"spec\":{\"nodeName\":\"kind-worker2\"}}",
                "--command", "--", "sleep", "infinity");
        }

        try
        {
            await lab.PodsReadyAsync("near-client", "near-stranger");
            await lab.ApplyAsync("policy.yaml");
            Assert.Equal("exit 28", await LabFixture.EventuallyAsync(() => lab.CurlAsync("near-stranger", "http://nginx-service"), status => status == "exit 28"));
            await lab.ReachesAsync("near-client", "http://nginx-service");
            Assert.Contains("default/nginx-deployment", await ObserveAsync("near-stranger", "DROPPED", "INGRESS DENIED"), StringComparison.Ordinal);
            Assert.Contains("default/nginx-deployment", await ObserveAsync("near-client", "FORWARDED", "INGRESS ALLOWED"), StringComparison.Ordinal);

            var denied = await ExplainAsync("near-stranger");
            Assert.Contains("Verdict: DROPPED", denied, StringComparison.Ordinal);
            Assert.Contains("Policy (133)", denied, StringComparison.Ordinal);
            Assert.Contains("enforced by CiliumNetworkPolicy default/policy", denied, StringComparison.Ordinal);
            var allowed = await ExplainAsync("near-client");
            Assert.Contains("Verdict: DELIVERED", allowed, StringComparison.Ordinal);
            Assert.Contains("default/nginx-deployment", allowed, StringComparison.Ordinal);
            Assert.Contains("by CiliumNetworkPolicy default/policy", allowed, StringComparison.Ordinal);
            Assert.Matches(@"\nPacket at .* \d+ bytes:\n(  .*\n)*  TCP \d+ -> 80 SYN\n", allowed);
        }
        finally
        {
            await lab.KubectlAsync("delete", "pod", "near-client", "near-stranger", "--wait");
        }
    }

    [Fact]
    public async Task Copies_of_the_nodes_explain_all_flows_as_they_were()
    {
        await lab.ApplyAsync("policy.yaml");
        await LabFixture.EventuallyAsync(() => lab.CurlAsync("unauthorized-client", "http://nginx-service"), status => status == "exit 28");
        var server = await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{.items[0].status.podIP}");
        await using var flows = await ExplainedFlows.StartAsync(lab);

        foreach (var client in (string[])["netshoot-client", "unauthorized-client"])
        {
            // What is slow is the question for the name.
            await lab.CurlAsync(client, "http://nginx-service", "--max-time", "10");
            foreach (var url in (string[])[$"http://{server}", $"http://{server}:81", "http://203.0.113.10"]) await lab.CurlAsync(client, url);
            await lab.ExecAsync(client, "ping", "-c", "1", "-W", "1", server);
        }

        foreach (var node in lab.Lab.NodeNames)
        {
            await LabFixture.RunAsync("ip", "netns", "exec", lab.Lab.NamespaceOfNode(node), "bash", "-c", $"curl -s -o /dev/null --max-time 1 http://{server} || true");
        }

        await flows.AgreeAsync(delivered: 11, dropped: 8);
    }

    private async Task<string> PageAsync(string url) => (await lab.ExecAsync("netshoot-client", "curl", "-s", "--max-time", "10", url)).Output;

    private Task<string> ExplainAsync(string pod) =>
        lab.AgentAsync("kind-worker2", "cilium-dbg", "explain", "--from", $"default/{pod}", "--to", "svc/nginx-service", "--port", "80");

    private Task<string> ObserveAsync(string pod, string verdict, string text, params string[] options) => LabFixture.EventuallyAsync(
        () => LabFixture.RunAsync(
            [lab.Binary("hubble"), "observe", "--server", $"unix://{lab.Lab.FolderOfNode("kind-worker2")}/run/hubble.sock", "--last", "50",
            "--from-pod", $"default/{pod}", "--verdict", verdict, .. options]),
        flows => flows.Contains(text, StringComparison.Ordinal));
}
