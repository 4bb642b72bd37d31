using System.Net;

namespace Cilium.LabTests;

public sealed class PoolDrainLab() : LabFixture("drain", "cluster-pool.yaml");

/// <summary>The range of mode <c>cluster-pool</c> is changed for another while pods run.</summary>
public sealed class PoolDrainTests(PoolDrainLab lab) : IClassFixture<PoolDrainLab>
{
    private static readonly IPNetwork s_new = IPNetwork.Parse("10.43.0.0/16");
    private static readonly string[] s_change = ["--add", "10.43.0.0/16", "--drain", "10.42.0.0/16"];

    [Fact]
    public async Task New_pods_get_addresses_of_the_new_range_and_the_old_go_on()
    {
        await lab.ApplyAsync("nginx.yaml", "netshoot-client.yaml");
        await lab.PodsReadyAsync();
        var before = await lab.ReadAsync("pod netshoot-client", "{.status.podIP}");
        Assert.StartsWith("10.42.", before, StringComparison.Ordinal);
        var plan = await lab.CiliumExitAsync(["ipam", "plan", .. s_change]);
        Assert.Equal(2, plan.ExitCode);
        Assert.Contains("default/netshoot-client", plan.Output, StringComparison.Ordinal);

        Assert.Equal(0, (await lab.CiliumExitAsync(["ipam", "apply", .. s_change])).ExitCode);
        await lab.KubectlAsync("-n", "kube-system", "rollout", "status", "daemonset", "cilium", "--timeout=90s");

        // A node without pods let go of its old block at once, the others keep it beside the new one.
        await LabFixture.EventuallyAsync(RangesAsync, nodes => nodes.TrueForAll(ranges => ranges.Exists(range => s_new.Contains(range.BaseAddress))), 60);
        Assert.Contains("10.42.", await lab.ReadAsync("ciliumnode kind-worker", "{.spec.ipam.podCIDRs[*]}"), StringComparison.Ordinal);
        await lab.KubectlAsync("scale", "deployment", "nginx-deployment", "--replicas=6");
        await lab.KubectlAsync("rollout", "status", "deployment", "nginx-deployment", "--timeout=90s");
        var addresses = (await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{.items[*].status.podIP}")).Split(' ');
        Assert.Contains(addresses, address => address.StartsWith("10.43.", StringComparison.Ordinal));
        foreach (var address in addresses) await lab.ReachesAsync("netshoot-client", $"http://{address}");
        await LabFixture.EventuallyAsync(() => lab.CiliumExitAsync("ipam", "check", "--settle", "1s"), check => check.ExitCode == 0, 30);

        // When the old pods are gone, an agent's next start lets go of the old block, its router's address included.
        await lab.DeleteAsync("nginx.yaml", "netshoot-client.yaml");
        await lab.KubectlAsync("-n", "kube-system", "delete", "pods", "--all", "--wait");
        await LabFixture.EventuallyAsync(RangesAsync, nodes => nodes.TrueForAll(ranges => ranges is [{ } only] && s_new.Contains(only.BaseAddress)), 60);
        await lab.ApplyAsync("nginx.yaml", "netshoot-client.yaml");
        await lab.PodsReadyAsync();
        await lab.ReachesAsync("netshoot-client", "http://nginx-service");
        Assert.Equal(0, (await LabFixture.EventuallyAsync(() => lab.CiliumExitAsync("ipam", "check", "--settle", "1s"), check => check.ExitCode == 0, 30)).ExitCode);
    }

    private async Task<List<List<IPNetwork>>> RangesAsync()
    {
        var nodes = new List<List<IPNetwork>>();
        foreach (var node in lab.Lab.NodeNames)
            nodes.Add([.. (await lab.ReadAsync($"ciliumnode {node}", "{.spec.ipam.podCIDRs[*]}")).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(IPNetwork.Parse)]);
        return nodes;
    }
}
