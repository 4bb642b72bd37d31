using System.Net;
using System.Text.Json.Nodes;

namespace Cilium.LabTests;

public sealed class KubernetesIpamLab() : LabFixture("ipam-kubernetes", "kubernetes.yaml", nodes: 2);

/// <summary>Chapter 4, <c>kubernetes</c>: addresses of the range that Kubernetes gave the node.</summary>
public sealed class KubernetesIpamTests(KubernetesIpamLab lab) : IClassFixture<KubernetesIpamLab>
{
    [Fact]
    public async Task A_CiliumNode_has_the_ranges_of_its_node_and_no_others()
    {
        foreach (var node in lab.Lab.NodeNames)
        {
            var ipam = JsonNode.Parse(await lab.ReadAsync($"ciliumnode {node}", "{.spec.ipam}"))!.AsObject();
            var ranges = JsonNode.Parse(await lab.ReadAsync($"node {node}", "{.spec.podCIDRs}"))!;

            Assert.Equal("podCIDRs", Assert.Single(ipam).Key);
            Assert.True(JsonNode.DeepEquals(ranges, ipam["podCIDRs"]), $"{node}: {ipam} is not {ranges}");
        }
    }

    [Fact]
    public async Task Pods_and_the_gateway_have_addresses_of_the_range_and_status_names_their_owners()
    {
        await lab.ApplyAsync("netshoot-client.yaml");
        await lab.PodsReadyAsync("netshoot-client");
        var node = await lab.ReadAsync("pod netshoot-client", "{.spec.nodeName}");
        var address = IPAddress.Parse(await lab.ReadAsync("pod netshoot-client", "{.status.podIP}"));
        var range = IPNetwork.Parse(await lab.ReadAsync($"node {node}", "{.spec.podCIDR}"));

        Assert.True(range.Contains(address));
        var status = await lab.AgentAsync(node, "cilium-dbg", "status", "--verbose");
        Assert.Contains($"allocated from {range}", status, StringComparison.Ordinal);
        Assert.Contains($"{address} (default/netshoot-client)", status, StringComparison.Ordinal);
        Assert.Contains("(router)", status, StringComparison.Ordinal);
    }
}
