using System.Net;
using System.Text.RegularExpressions;
using Xunit.Sdk;

namespace Cilium.LabTests;

public sealed class ClusterPoolLab() : LabFixture("ipam-pool", "cluster-pool.yaml", nodes: 2);

/// <summary>Chapter 4, <c>cluster-pool</c>: the operator cuts blocks for the nodes out of its own range.</summary>
public sealed class ClusterPoolTests(ClusterPoolLab lab) : IClassFixture<ClusterPoolLab>
{
    [Fact]
    public async Task Config_view_shows_range_and_block_size()
    {
        var view = await lab.CiliumAsync("config", "view");
        var pool = view.Split('\n').Where(line => line.Contains("cluster-pool", StringComparison.Ordinal))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(
            ["cluster-pool-ipv4-cidr 10.42.0.0/16", "cluster-pool-ipv4-mask-size 25", "ipam cluster-pool"],
            pool.Select(words => string.Join(' ', words)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Each_node_has_a_block_of_its_own_whatever_Kubernetes_gave_it()
    {
        var ranges = new List<IPNetwork>();
        foreach (var node in lab.Lab.NodeNames)
            ranges.Add(IPNetwork.Parse(await lab.ReadAsync($"ciliumnode {node}", "{.spec.ipam.podCIDRs[*]}")));

        Assert.Equal(2, ranges.Distinct().Count());
        Assert.All(ranges, range => Assert.True(range.PrefixLength == 25 && IPNetwork.Parse("10.42.0.0/16").Contains(range.BaseAddress), $"{range}"));
    }

    [Fact]
    public async Task Status_lists_the_addresses_with_their_owners()
    {
        await lab.ApplyAsync("netshoot-client.yaml");
        await lab.PodsReadyAsync("netshoot-client");
        var address = await lab.ReadAsync("pod netshoot-client", "{.status.podIP}");
        var node = await lab.ReadAsync("pod netshoot-client", "{.spec.nodeName}");
        var router = await lab.ReadAsync($"ciliumnode {node}", "{.spec.addresses[?(@.type==\"CiliumInternalIP\")].ip}");
        var status = await lab.AgentAsync(node, "cilium-dbg", "status", "--verbose");
        var owners = status[status.IndexOf("Allocated addresses:", StringComparison.Ordinal)..].Split('\n').Skip(1)
            .TakeWhile(line => line.StartsWith("  ", StringComparison.Ordinal)).Select(line => line.Trim()).ToList();

        Assert.Contains($"{address} (default/netshoot-client)", owners);
        Assert.Contains($"{router} (router)", owners);
        Assert.Contains($"{await lab.ReadAsync($"ciliumnode {node}", "{.spec.health.ipv4}")} (health)", owners);
        // Of the block's 128 addresses the first and the last are not given.
        Assert.Contains($"{owners.Count}/126 allocated from 10.42.", status, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nodes_reach_each_other_and_the_health_endpoints_of_each_other()
    {
        var (node, other) = (lab.Lab.NodeNames[0], lab.Lab.NodeNames[1]);
        var status = await LabFixture.EventuallyAsync(
            () => lab.AgentAsync(node, "cilium-dbg", "status", "--verbose"), text => text.Contains("2/2 reachable", StringComparison.Ordinal), 60);
        Assert.Matches($@"Cluster health: +2/2 reachable +\(\d{{4}}-", status);
        Assert.Matches($@"{node} \(localhost\) +172\.18\.\d+\.\d+ +reachable +reachable", status);
        Assert.Matches($@"{other} +172\.18\.\d+\.\d+ +reachable +reachable", status);
        Assert.Contains("reserved:health", await lab.AgentAsync(node, "cilium-dbg", "endpoint", "list"), StringComparison.Ordinal);
        var address = await lab.ReadAsync($"ciliumnode {other}", "{.spec.health.ipv4}");
        Assert.Matches($@"{Regex.Escape(address)}/32 +reserved:health", await lab.AgentAsync(node, "cilium-dbg", "ip", "list"));

        // Without its device the other node's endpoint does not answer; it is made again, with the address that others know. That may be before the probe.
        await LabFixture.EventuallyAsync(
            async () =>
            {
                await DeleteHealthDeviceAsync(other);
                return await AnswersAsync(node);
            },
            answers => answers == "hosts True True, endpoints False True", 60);
        await LabFixture.EventuallyAsync(() => AnswersAsync(node), answers => answers == "hosts True True, endpoints True True", 90);
        Assert.Equal(address, await lab.ReadAsync($"ciliumnode {other}", "{.spec.health.ipv4}"));

        // An agent that starts anew takes it again.
        await lab.KubectlAsync("-n", "kube-system", "delete", "pod", "-l", "k8s-app=cilium", "--field-selector", $"spec.nodeName={other}");
        await lab.KubectlAsync("-n", "kube-system", "rollout", "status", "daemonset", "cilium", "--timeout=90s");
        await lab.NodesReachEachOtherAsync();
        Assert.Equal(address, await lab.ReadAsync($"ciliumnode {other}", "{.spec.health.ipv4}"));
    }

    private async Task<string> AnswersAsync(string node)
    {
        var probe = await lab.ProbeAsync(node);
        return $"hosts {string.Join(' ', probe.Select(found => found.Host).Order())}, endpoints {string.Join(' ', probe.Select(found => found.Endpoint).Order())}";
    }

    private async Task DeleteHealthDeviceAsync(string node)
    {
        try
        {
            await LabFixture.RunAsync("ip", "-n", lab.Lab.NamespaceOfNode(node), "link", "delete", "lxc_health");
        }
        catch (TrueException failure) when (failure.Message.Contains("Cannot find device", StringComparison.Ordinal))
        {
            // Still gone since the last time.
            return;
        }
    }
}
