using System.Diagnostics;
using System.Globalization;

namespace Cilium.LabTests;

public sealed class LoadBalancerTrafficLab() : LabFixture("lbtraffic", "load-balancer.yaml");

public sealed class NativeLoadBalancerLab() : LabFixture("lbnative", "load-balancer-native.yaml");

/// <summary>Chapter 6: clients outside the cluster reach services by load balancer addresses and node ports; between nodes by the tunnel.</summary>
public sealed class LoadBalancerTrafficTests(LoadBalancerTrafficLab lab) : IClassFixture<LoadBalancerTrafficLab>
{
    [Fact]
    public Task Clients_outside_reach_services_through_any_node() => OutsideWalk.RunAsync(lab);

    [Fact]
    public async Task Policy_is_about_the_world()
    {
        await OutsideWalk.StartAsync(lab);
        var address = await OutsideWalk.AddressAsync(lab, isIPv4: true);
        await OutsideWalk.RouteAsync(lab, address, "kind-worker");
        await OutsideWalk.ReachesAsync(lab, $"http://{address}");
        await lab.ApplyAsync("policy.yaml");
        await OutsideWalk.TimesOutAsync(lab, $"http://{address}");
        await lab.ApplyAsync("policy-world.yaml");
        await OutsideWalk.ReachesAsync(lab, $"http://{address}");
        await lab.DeleteAsync("policy.yaml", "policy-world.yaml");
    }
}

/// <summary>The same with native routing.</summary>
public sealed class NativeLoadBalancerTests(NativeLoadBalancerLab lab) : IClassFixture<NativeLoadBalancerLab>
{
    [Fact]
    public Task Clients_outside_reach_services_through_any_node() => OutsideWalk.RunAsync(lab);

    /// <summary>Chapter 6, traffic policies and session affinity.</summary>
    [Fact]
    public async Task Traffic_stays_local_sources_are_chosen_and_clients_keep_their_backend()
    {
        // 1. Local: the client reaches the pod by its own node only, and each node's health check says which that is.
        await OutsideWalk.StartAsync(lab);
        var address = await OutsideWalk.AddressAsync(lab, isIPv4: true);
        await PatchAsync("""{"spec":{"externalTrafficPolicy":"Local","healthCheckNodePort":31999}}""");
        await OutsideWalk.RouteAsync(lab, address, "kind-worker");
        await OutsideWalk.TimesOutAsync(lab, $"http://{address}");
        await OutsideWalk.RouteAsync(lab, address, "kind-worker2");
        await OutsideWalk.ReachesAsync(lab, $"http://{address}");
        await HealthIsAsync("kind-worker", "503");
        await HealthIsAsync("kind-worker2", "200");

        // 2. Pods on any node still reach it by the cluster address and by the load balancer's.
        await lab.ApplyAsync("netshoot-client.yaml");
        await lab.PodsReadyAsync("netshoot-client");
        foreach (var url in new[] { "http://nginx-lb", $"http://{address}" })
            await lab.ReachesAsync("netshoot-client", url);

        // 3. Source ranges: those of others, then the client's.
        await PatchAsync("""{"spec":{"loadBalancerSourceRanges":["198.51.100.0/24"]}}""");
        await OutsideWalk.TimesOutAsync(lab, $"http://{address}");
        await PatchAsync("""{"spec":{"loadBalancerSourceRanges":["198.51.100.0/24","172.18.0.0/16"]}}""");
        await OutsideWalk.ReachesAsync(lab, $"http://{address}");
        await PatchAsync("""{"spec":{"externalTrafficPolicy":"Cluster","healthCheckNodePort":null,"loadBalancerSourceRanges":null}}""");
        await OutsideWalk.RouteAsync(lab, address, "kind-worker");
        await OutsideWalk.ReachesAsync(lab, $"http://{address}");

        // 4. Affinity: answers vary by host, then they do not, and after the time that was set another may answer.
        await lab.ApplyAsync("affinity.yaml");
        await lab.KubectlAsync("rollout", "status", "deployment", "podinfo", "--timeout=90s");
        await LabFixture.EventuallyAsync(() => HostsAsync(20), hosts => hosts.Count > 1, 30);
        await lab.KubectlAsync("patch", "service", "podinfo", "--type=merge", "--patch", """{"spec":{"sessionAffinity":"ClientIP","sessionAffinityConfig":{"clientIP":{"timeoutSeconds":10}}}}""");
        await LabFixture.EventuallyAsync(() => HostsAsync(20), hosts => hosts.Count == 1, 30);
        await lab.DeleteAsync("affinity.yaml");
    }

    private Task<string> PatchAsync(string patch) => lab.KubectlAsync("patch", "service", "nginx-lb", "--type=merge", "--patch", patch);

    private async Task HealthIsAsync(string node, string wanted)
    {
        var address = await OutsideWalk.NodeAddressAsync(lab, node, isIPv4: true);
        await LabFixture.EventuallyAsync(() => OutsideWalk.CurlAsync(lab, $"http://{address}:31999"), status => status == wanted, 60);
    }

    private async Task<HashSet<string>> HostsAsync(int requests)
    {
        var (code, output, _) = await lab.ExecAsync("netshoot-client", "sh", "-c", $"for i in $(seq {requests}); do curl -s --max-time 2 http://podinfo:9898 | grep hostname; done");
        return code == 0 ? [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)] : [];
    }
}

/// <summary>A client in the namespace of the underlay, which is no node and has a route to one.</summary>
internal static class OutsideWalk
{
    public static async Task StartAsync(LabFixture lab)
    {
        await lab.ApplyAsync("lb-pool-outside.yaml", "nginx-lb.yaml");
        await lab.PodsReadyAsync("-l", "app.kubernetes.io/name=nginx");
    }

    public static async Task RunAsync(LabFixture lab)
    {
        await StartAsync(lab);
        var nodePort = await lab.ReadAsync("service nginx-lb", "{.spec.ports[0].nodePort}");
        foreach (var isIPv4 in (bool[])[true, false])
        {
            var address = await AddressAsync(lab, isIPv4);
            var host = isIPv4 ? address : $"[{address}]";

            // nginx is on kind-worker2: by way of that node it is local, by way of another it is not.
            foreach (var node in lab.Lab.NodeNames)
            {
                await RouteAsync(lab, address, node);
                await ReachesAsync(lab, $"http://{host}");
                await LabFixture.AllAnsweredAsync(20, () => CurlAsync(lab, $"http://{host}"));
                var own = await NodeAddressAsync(lab, node, isIPv4);
                await ReachesAsync(lab, $"http://{(isIPv4 ? own : $"[{own}]")}:{nodePort}");
            }
        }

        await ExplainAsync(lab, nodePort);

        // Cluster addresses are none outside.
        var cluster = await lab.ReadAsync("service nginx-lb", "{.spec.clusterIP}");
        await RouteAsync(lab, cluster, "kind-worker");
        Assert.Equal("exit 28", await CurlAsync(lab, $"http://{(cluster.Contains(':', StringComparison.Ordinal) ? $"[{cluster}]" : cluster)}", limitSeconds: 2));
        var list = await lab.AgentAsync("kind-worker", "cilium-dbg", "service", "list");
        Assert.Contains("LoadBalancer", list, StringComparison.Ordinal);
        Assert.Contains("NodePort", list, StringComparison.Ordinal);
    }

    // Everything is where it should be now: what copies of the nodes say of clients outside is what becomes of them.
    private static async Task ExplainAsync(LabFixture lab, string nodePort)
    {
        await using var flows = await ExplainedFlows.StartAsync(lab);
        foreach (var isIPv4 in (bool[])[true, false])
        {
            var address = await AddressAsync(lab, isIPv4);
            foreach (var node in lab.Lab.NodeNames)
            {
                var own = await NodeAddressAsync(lab, node, isIPv4);
                await RouteAsync(lab, address, node);
                foreach (var (host, port) in new[] { (address, "80"), (own, nodePort) })
                    await CurlAsync(lab, $"http://{(isIPv4 ? host : $"[{host}]")}:{port}");
            }
        }

        await flows.AgreeAsync(delivered: 12, dropped: 0);
    }

    public static Task<string> AddressAsync(LabFixture lab, bool isIPv4) => LabFixture.EventuallyAsync(
        async () => (await lab.ReadAsync("service nginx-lb", "{.status.loadBalancer.ingress[*].ip}")).Split(' ')
            .FirstOrDefault(address => address.Length > 0 && address.Contains('.', StringComparison.Ordinal) == isIPv4, ""),
        address => address.Length > 0);

    public static async Task RouteAsync(LabFixture lab, string address, string node) => await LabFixture.RunAsync(
        "ip", "-n", lab.Lab.UnderlayNamespace, "route", "replace", address, "via", await NodeAddressAsync(lab, node, address.Contains('.', StringComparison.Ordinal)));

    /// <summary>The HTTP status of a URL, or "exit N" with curl's code.</summary>
    public static async Task<string> CurlAsync(LabFixture lab, string url, int limitSeconds = 10)
    {
        string[] command =
        [
            "netns", "exec", lab.Lab.UnderlayNamespace, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", limitSeconds.ToString(CultureInfo.InvariantCulture), url,
        ];
        using var process = Process.Start(new ProcessStartInfo("ip", command) { RedirectStandardOutput = true })!;
        var status = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode == 0 ? status : $"exit {process.ExitCode}";
    }

    public static Task ReachesAsync(LabFixture lab, string url) => LabFixture.EventuallyAsync(() => CurlAsync(lab, url), status => status == "200", 60);

    public static Task TimesOutAsync(LabFixture lab, string url) =>
        LabFixture.EventuallyAsync(() => CurlAsync(lab, url, limitSeconds: 2), status => status == "exit 28", 60);

    public static async Task<string> NodeAddressAsync(LabFixture lab, string node, bool isIPv4) =>
        (await lab.ReadAsync($"node {node}", "{.status.addresses[?(@.type==\"InternalIP\")].address}")).Split(' ')
            .First(address => address.Contains('.', StringComparison.Ordinal) == isIPv4);
}
