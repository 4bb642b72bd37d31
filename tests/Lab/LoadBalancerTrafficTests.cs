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
        Assert.Equal("200", await LabFixture.EventuallyAsync(() => OutsideWalk.CurlAsync(lab, $"http://{address}"), status => status == "200", 15));
        await lab.ApplyAsync("policy.yaml");
        await LabFixture.EventuallyAsync(() => OutsideWalk.CurlAsync(lab, $"http://{address}"), status => status == "exit 28", 20);
        await lab.ApplyAsync("policy-world.yaml");
        Assert.Equal("200", await LabFixture.EventuallyAsync(() => OutsideWalk.CurlAsync(lab, $"http://{address}"), status => status == "200", 20));
        await lab.DeleteAsync("policy.yaml", "policy-world.yaml");
    }
}

/// <summary>The same with native routing.</summary>
public sealed class NativeLoadBalancerTests(NativeLoadBalancerLab lab) : IClassFixture<NativeLoadBalancerLab>
{
    [Fact]
    public Task Clients_outside_reach_services_through_any_node() => OutsideWalk.RunAsync(lab);
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
                Assert.Equal("200", await LabFixture.EventuallyAsync(() => CurlAsync(lab, $"http://{host}"), status => status == "200", 20));
                for (var request = 0; request < 20; request++) Assert.Equal("200", await CurlAsync(lab, $"http://{host}"));
                var own = await NodeAddressAsync(lab, node, isIPv4);
                Assert.Equal("200", await LabFixture.EventuallyAsync(() => CurlAsync(lab, $"http://{(isIPv4 ? own : $"[{own}]")}:{nodePort}"), status => status == "200", 20));
            }
        }

        // Cluster addresses are none outside.
        var cluster = await lab.ReadAsync("service nginx-lb", "{.spec.clusterIP}");
        await RouteAsync(lab, cluster, "kind-worker");
        Assert.Equal("exit 28", await CurlAsync(lab, $"http://{(cluster.Contains(':', StringComparison.Ordinal) ? $"[{cluster}]" : cluster)}"));
        var list = await lab.AgentAsync("kind-worker", "cilium-dbg", "service", "list");
        Assert.Contains("LoadBalancer", list, StringComparison.Ordinal);
        Assert.Contains("NodePort", list, StringComparison.Ordinal);
    }

    public static Task<string> AddressAsync(LabFixture lab, bool isIPv4) => LabFixture.EventuallyAsync(
        async () => (await lab.ReadAsync("service nginx-lb", "{.status.loadBalancer.ingress[*].ip}")).Split(' ')
            .FirstOrDefault(address => address.Length > 0 && address.Contains('.', StringComparison.Ordinal) == isIPv4, ""),
        address => address.Length > 0);

    public static async Task RouteAsync(LabFixture lab, string address, string node) => await LabFixture.RunAsync(
        "ip", "-n", lab.Lab.UnderlayNamespace, "route", "replace", address, "via", await NodeAddressAsync(lab, node, address.Contains('.', StringComparison.Ordinal)));

    public static async Task<string> CurlAsync(LabFixture lab, string url)
    {
        try
        {
            return await LabFixture.RunAsync(
                "ip", "netns", "exec", lab.Lab.UnderlayNamespace, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "2", url);
        }
        catch (Xunit.Sdk.TrueException failure) when (failure.Message.Contains("exit 28", StringComparison.Ordinal))
        {
            return "exit 28";
        }
    }

    private static async Task<string> NodeAddressAsync(LabFixture lab, string node, bool isIPv4) =>
        (await lab.ReadAsync($"node {node}", "{.status.addresses[?(@.type==\"InternalIP\")].address}")).Split(' ')
            .First(address => address.Contains('.', StringComparison.Ordinal) == isIPv4);
}
