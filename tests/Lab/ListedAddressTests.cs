namespace Cilium.LabTests;

/// <summary>A lab whose nodes get single addresses from the test: four on each node, two of which the router and the health endpoint take.</summary>
public sealed class ListedAddressLab() : LabFixture("listed", "crd.yaml")
{
    /// <summary>Lists addresses for a node; what is listed already stays.</summary>
    public Task<string> ListAsync(string node, params string[] addresses) => KubectlAsync(
        "patch", "ciliumnode", node, "--type=merge", "--patch",
        """{"spec":{"ipam":{"pool":{LIST}}}}""".Replace("LIST", string.Join(",", addresses.Select(address => $"\"{address}\":{{\"resource\":\"eni-{node}\"}}")), StringComparison.Ordinal));

    protected override async Task WhileStartingAsync()
    {
        for (var index = 0; index < Lab.NodeNames.Count; index++)
        {
            var (node, number) = (Lab.NodeNames[index], index + 1);
            await EventuallyAsync(
                async () =>
                {
                    // The API server comes up, then the agent makes its object.
                    var (code, _, _) = await Lab.KubectlAsync(["get", "ciliumnode", node], CancellationToken.None);
                    return code;
                },
                code => code == 0, 60);
            await ListAsync(node, $"10.60.{number}.1", $"10.60.{number}.2", $"10.60.{number}.3", $"10.60.{number}.4");
        }
    }
}

/// <summary>Chapter 4, <c>crd</c>: addresses come from an external operator through the CiliumNode object.</summary>
public sealed class ListedAddressTests(ListedAddressLab lab) : IClassFixture<ListedAddressLab>
{
    private const string Node = "kind-worker2";

    [Fact]
    public async Task Pods_get_listed_addresses_wait_when_none_is_left_and_give_them_back_on_demand()
    {
        // Four are listed: the router and the health endpoint have one each, so two of four pods start, and the others say why they do not.
        await lab.ApplyAsync("nginx.yaml", "netshoot-client.yaml");
        await lab.PodsReadyAsync("netshoot-client");
        await lab.KubectlAsync("scale", "deployment", "nginx-deployment", "--replicas=4");
        await LabFixture.EventuallyAsync(AddressesAsync, addresses => addresses.Count == 2, 60);
        await LabFixture.EventuallyAsync(
            () => lab.KubectlAsync("get", "events"), events => events.Contains("FailedCreatePodSandBox", StringComparison.Ordinal) && events.Contains("all 4 addresses in the list are in use", StringComparison.Ordinal), 30);

        // More come, and they start; use and owners stand in the object.
        await lab.ListAsync(Node, "10.60.3.10", "10.60.3.11");
        await lab.KubectlAsync("rollout", "status", "deployment", "nginx-deployment", "--timeout=90s");
        var pods = await AddressesAsync();
        Assert.Equal(4, pods.Distinct().Count());
        Assert.All(pods, address => Assert.StartsWith("10.60.3.", address, StringComparison.Ordinal));
        await lab.ReachesAsync("netshoot-client", "http://nginx-service");
        var used = await LabFixture.EventuallyAsync(UsedAsync, used => used.Split("\"owner\"").Length == 7, 15);
        Assert.Contains("\"owner\":\"default/nginx-deployment-", used, StringComparison.Ordinal);
        Assert.Contains("\"resource\":\"eni-kind-worker2\"", used, StringComparison.Ordinal);
        Assert.Equal(0, (await LabFixture.EventuallyAsync(() => lab.CiliumExitAsync("ipam", "check", "--settle", "1s"), check => check.ExitCode == 0, 30)).ExitCode);

        // One in use is not let go, a free one is, and is then nobody's.
        await lab.KubectlAsync("scale", "deployment", "nginx-deployment", "--replicas=3");
        var left = await LabFixture.EventuallyAsync(AddressesAsync, addresses => addresses.Count == 3, 60);
        var free = Assert.Single(pods.Except(left));
        await LabFixture.EventuallyAsync(UsedAsync, text => !text.Contains(free, StringComparison.Ordinal), 30);
        await ReleaseAsync((left[0], "marked-for-release"), (free, "marked-for-release"));
        var answers = await LabFixture.EventuallyAsync(
            () => lab.ReadAsync($"ciliumnode {Node}", "{.status.ipam.release-ips}"),
            text => text.Contains($"\"{free}\":\"ready-for-release\"", StringComparison.Ordinal), 30);
        Assert.Contains($"\"{left[0]}\":\"do-not-release\"", answers, StringComparison.Ordinal);
        await lab.KubectlAsync("patch", "ciliumnode", Node, "--type=merge", "--patch", """{"spec":{"ipam":{"pool":{"FREE":null}}}}""".Replace("FREE", free, StringComparison.Ordinal));
        await ReleaseAsync((free, "released"));
        await LabFixture.EventuallyAsync(
            () => lab.ReadAsync($"ciliumnode {Node}", "{.status.ipam.release-ips}"), text => !text.Contains(free, StringComparison.Ordinal), 30);
    }

    private async Task<List<string>> AddressesAsync()
    {
        var text = await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{range .items[*]}{.status.podIP} {.metadata.deletionTimestamp}{\"\\n\"}{end}");
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).Where(pod => pod is [{ Length: > 0 }, ""]).Select(pod => pod[0])];
    }

    private Task<string> UsedAsync() => lab.ReadAsync($"ciliumnode {Node}", "{.status.ipam.used}");

    private Task<string> ReleaseAsync(params (string Address, string State)[] states) => lab.KubectlAsync(
        "patch", "ciliumnode", Node, "--subresource=status", "--type=merge", "--patch",
        """{"status":{"ipam":{"release-ips":{LIST}}}}""".Replace("LIST", string.Join(",", states.Select(state => $"\"{state.Address}\":\"{state.State}\"")), StringComparison.Ordinal));
}
