namespace Cilium.LabTests;

public sealed class DualStackLab() : LabFixture("dual", "dual-stack.yaml");

/// <summary>Chapter 4: both address families.</summary>
public sealed class DualStackTests(DualStackLab lab) : IClassFixture<DualStackLab>
{
    [Fact]
    public async Task Pods_and_services_have_both_addresses_and_answer_on_both()
    {
        await lab.NodesReachEachOtherAsync();
        await lab.ApplyAsync("echo-dualstack.yaml", "netshoot-client.yaml", "nginx.yaml");
        await lab.KubectlAsync("rollout", "status", "deployment", "echoserver", "--timeout=60s");
        await lab.PodsReadyAsync();
        await lab.ReachesAsync("netshoot-client", "http://echoserver");
        await using var flows = await ExplainedFlows.StartAsync(lab);

        var pod = (await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{.items[0].status.podIPs[*].ip}")).Split(' ');
        Assert.Equal([false, true], pod.Select(address => address.Contains(':', StringComparison.Ordinal)).Order());
        var service = (await lab.ReadAsync("service echoserver", "{.spec.clusterIPs[*]}")).Split(' ');
        Assert.Equal([true, false], service.Select(address => address.Contains(':', StringComparison.Ordinal)));

        var six = pod.First(address => address.Contains(':', StringComparison.Ordinal));
        await lab.PingsAsync("netshoot-client", "-6", six);
        foreach (var address in service)
        {
            var host = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
            await lab.ReachesAsync("netshoot-client", $"http://{host}");
        }

        await lab.ReachesAsync("netshoot-client", "http://echoserver", "-6");
        var (_, record, _) = await lab.ExecAsync("netshoot-client", "dig", "+short", "AAAA", "echoserver.default.svc.cluster.local");
        Assert.Equal(service[0], record.Trim());
        await flows.AgreeAsync(delivered: 5, dropped: 0);
    }
}
