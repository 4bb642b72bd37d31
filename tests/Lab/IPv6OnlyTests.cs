namespace Cilium.LabTests;

public sealed class IPv6OnlyLab() : LabFixture("six", "ipv6-only.yaml");

public sealed class IPv6TunnelLab() : LabFixture("six-tunnel", "ipv6-tunnel.yaml", nodes: 3);

public sealed class Underlay6Lab() : LabFixture("under-six", "dual-stack-underlay6.yaml", nodes: 3);

/// <summary>Chapter 4: IPv6 alone, with native routing.</summary>
public sealed class IPv6OnlyTests(IPv6OnlyLab lab) : IClassFixture<IPv6OnlyLab>
{
    [Fact]
    public async Task Pods_services_names_and_policies_work_without_IPv4()
    {
        await lab.NodesReachEachOtherAsync();
        await lab.ApplyAsync("nginx.yaml", "netshoot-client.yaml", "unauthorized-client.yaml");
        await lab.PodsReadyAsync();
        var six = await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{.items[0].status.podIPs[*].ip}");
        Assert.StartsWith("fd00:10:244:", six, StringComparison.Ordinal);
        var service = await lab.ReadAsync("service nginx-service", "{.spec.clusterIPs[*]} {.spec.ipFamilies[*]} {.spec.ipFamilyPolicy}");
        Assert.Matches("^fd00:10:96::[0-9a-f]+ IPv6 SingleStack$", service);
        Assert.DoesNotContain('.', await lab.ReadAsync("nodes", "{.items[*].status.addresses[?(@.type==\"InternalIP\")].address}"));

        await lab.PingsAsync("netshoot-client", "-6", six);
        await EventuallyOkAsync("netshoot-client", "http://nginx-service");
        await EventuallyOkAsync("unauthorized-client", "http://nginx-service");
        var (_, record, _) = await lab.ExecAsync("netshoot-client", "dig", "+short", "AAAA", "nginx-service.default.svc.cluster.local");
        Assert.Equal(service.Split(' ')[0], record.Trim());
        var (_, none, _) = await lab.ExecAsync("netshoot-client", "dig", "+short", "A", "nginx-service.default.svc.cluster.local");
        Assert.Equal("", none.Trim());

        await lab.ApplyAsync("policy.yaml");
        await LabFixture.EventuallyAsync(() => lab.CurlAsync("unauthorized-client", "http://nginx-service"), status => status == "exit 28", 20);
        await using var flows = await ExplainedFlows.StartAsync(lab);
        await EventuallyOkAsync("netshoot-client", "http://nginx-service");
        // What is slow is the question for the name.
        Assert.Equal("exit 28", await lab.CurlAsync("unauthorized-client", "http://nginx-service", "--max-time", "10"));
        await lab.ExecAsync("netshoot-client", "ping", "-6", "-c", "1", "-W", "1", six);
        await lab.ExecAsync("netshoot-client", "ping", "-6", "-c", "1", "-W", "1", "2001:db8:ffff::10");
        await flows.AgreeAsync(delivered: 3, dropped: 2);
        await lab.DeleteAsync("policy.yaml", "unauthorized-client.yaml");
    }

    [Fact]
    public async Task Nodes_route_to_each_others_pods_and_masquerade_to_the_world_only()
    {
        await lab.ApplyAsync("nginx.yaml", "netshoot-client.yaml");
        await lab.PodsReadyAsync("netshoot-client");
        await lab.PodsReadyAsync("-l", "app.kubernetes.io/name=nginx");
        var range = await lab.ReadAsync("ciliumnode kind-worker2", "{.spec.ipam.podCIDRs[0]}");
        var node = await lab.ReadAsync("ciliumnode kind-worker2", "{.spec.addresses[?(@.type==\"InternalIP\")].ip}");
        await LabFixture.EventuallyAsync(
            () => LabFixture.RunAsync("ip", "-6", "-n", lab.Lab.NamespaceOfNode("kind-worker"), "route"),
            routes => routes.Contains($"{range} via {node} dev eth0", StringComparison.Ordinal), 60);
        Assert.DoesNotContain("cilium_vxlan", await LabFixture.RunAsync("ip", "-n", lab.Lab.NamespaceOfNode("kind-worker"), "-o", "link"), StringComparison.Ordinal);

        // Between nodes a packet keeps the pod's address; to the world it has the node's.
        var pod = await lab.ReadAsync("pod netshoot-client", "{.status.podIP}");
        var own = await lab.ReadAsync("ciliumnode kind-worker", "{.spec.addresses[?(@.type==\"InternalIP\")].ip}");
        var inside = await CaptureAsync($"icmp6 and src host {pod} and dst net {range}", await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{.items[0].status.podIP}"));
        Assert.Contains(pod, inside, StringComparison.Ordinal);
        Assert.Contains(own, await CaptureAsync($"icmp6 and src host {own} and dst host 2001:db8:ffff::10", "2001:db8:ffff::10"), StringComparison.Ordinal);
    }

    private async Task<string> CaptureAsync(string filter, string target)
    {
        var capture = LabFixture.RunAsync(
            "timeout", "--preserve-status", "90", "ip", "netns", "exec", lab.Lab.UnderlayNamespace, "tcpdump", "-i", "br0", "-n", "-c", "1", filter);
        await LabFixture.EventuallyAsync(
            async () =>
            {
                await lab.ExecAsync("netshoot-client", "ping", "-6", "-c", "1", "-W", "1", target);
                return capture.IsCompleted;
            },
            done => done, 60);
        return await capture;
    }

    private async Task EventuallyOkAsync(string pod, string url) =>
        await lab.ReachesAsync(pod, url);
}

/// <summary>IPv6 pods over a tunnel between nodes that have IPv4 addresses too.</summary>
public sealed class IPv6TunnelTests(IPv6TunnelLab lab) : IClassFixture<IPv6TunnelLab>
{
    [Fact]
    public async Task IPv6_pods_are_tunnelled_over_IPv4() => await TunnelWalk.RunAsync(lab, "udp port 8472 and ip", six: true, four: false);
}

/// <summary>Pods of both families over a tunnel between the nodes' IPv6 addresses.</summary>
public sealed class Underlay6Tests(Underlay6Lab lab) : IClassFixture<Underlay6Lab>
{
    [Fact]
    public async Task Pods_of_both_families_are_tunnelled_over_IPv6() => await TunnelWalk.RunAsync(lab, "udp port 8472 and ip6", six: true, four: true);
}

/// <summary>A walk over two nodes: what pods say to each other passes the underlay as the filter has it.</summary>
internal static class TunnelWalk
{
    public static async Task RunAsync(LabFixture lab, string filter, bool six, bool four)
    {
        await lab.NodesReachEachOtherAsync();
        await lab.ApplyAsync("nginx.yaml", "netshoot-client.yaml");
        await lab.PodsReadyAsync();
        var capture = LabFixture.RunAsync(
            "timeout", "--preserve-status", "120", "ip", "netns", "exec", lab.Lab.UnderlayNamespace, "tcpdump", "-i", "br0", "-n", "-c", "1", filter);
        var addresses = (await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{.items[0].status.podIPs[*].ip}")).Split(' ');
        Assert.Equal((six ? 1 : 0) + (four ? 1 : 0), addresses.Length);
        foreach (var address in addresses)
        {
            var host = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
            await lab.ReachesAsync("netshoot-client", $"http://{host}");

            // A packet of the largest size passes, none larger.
            var mtu = 1500 - (filter.Contains("ip6", StringComparison.Ordinal) ? 70 : 50);
            var headers = address.Contains(':', StringComparison.Ordinal) ? 48 : 28;
            await lab.PingsAsync("netshoot-client", "-M", "do", "-s", $"{mtu - headers}", address);
            Assert.NotEqual(0, (await lab.ExecAsync("netshoot-client", "ping", "-c", "1", "-W", "1", "-M", "do", "-s", $"{mtu - headers + 1}", address)).ExitCode);
        }

        Assert.Contains(".8472", await capture, StringComparison.Ordinal);
        await lab.ReachesAsync("netshoot-client", "http://nginx-service");
    }
}
