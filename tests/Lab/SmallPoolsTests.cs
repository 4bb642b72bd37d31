namespace Cilium.LabTests;

public sealed class SmallPoolsLab() : LabFixture("pools", "small-pools.yaml");

/// <summary>Chapter 4: cluster-pool addresses, until they run out.</summary>
public sealed class SmallPoolsTests(SmallPoolsLab lab) : IClassFixture<SmallPoolsLab>
{
    [Fact]
    public async Task A_node_with_a_small_range_says_that_it_is_full()
    {
        await lab.ApplyAsync("nginx.yaml", "netshoot-client.yaml");
        await lab.KubectlAsync("scale", "deployment", "nginx-deployment", "--replicas=10");
        var status = await LabFixture.EventuallyAsync(
            () => lab.AgentAsync("kind-worker2", "cilium-dbg", "status", "--verbose"), text => text.Contains("6/6 allocated from 10.0.", StringComparison.Ordinal), 60);
        await lab.PodsReadyAsync("netshoot-client");

        Assert.Contains("default/nginx-deployment-", status, StringComparison.Ordinal);
        Assert.Contains("router", status, StringComparison.Ordinal);
        await LabFixture.EventuallyAsync(() => lab.KubectlAsync("get", "pods"), pods => pods.Contains("ContainerCreating", StringComparison.Ordinal));
        await LabFixture.EventuallyAsync(() => lab.KubectlAsync("get", "events"), events => events.Contains("FailedCreatePodSandBox", StringComparison.Ordinal), 60);
        var owners = await lab.AgentAsync("kind-worker", "cilium-dbg", "status", "--verbose");
        Assert.Contains("default/netshoot-client", owners, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_configuration_shows_what_was_installed()
    {
        var map = await lab.ReadAsync("configmap cilium-config -n kube-system", "{.data}");

        Assert.Contains("\"cluster-pool-ipv4-cidr\":\"10.0.42.0/28 10.0.84.0/28\"", map, StringComparison.Ordinal);
        Assert.Contains("\"cluster-pool-ipv4-mask-size\":\"29\"", map, StringComparison.Ordinal);
        var ranges = (await lab.ReadAsync("ciliumnodes", "{.items[*].spec.ipam.podCIDRs[0]}")).Split(' ');
        Assert.Equal(3, ranges.Distinct().Count());
        Assert.All(ranges, range => Assert.EndsWith("/29", range, StringComparison.Ordinal));
    }
}
