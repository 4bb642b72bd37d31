using Cilium.Core;
using Cilium.Netlink;

namespace Cilium.LabTests;

/// <summary>Chapter 4, ENI: pod addresses are secondary addresses of the nodes' interfaces, of which a node gets more as it needs them.</summary>
public sealed class EniTests(EniLab lab) : IClassFixture<EniLab>
{
    private const string Node = "kind-worker2";

    [Fact]
    public async Task Pods_have_addresses_of_interfaces_that_come_with_them_and_go_back_after_them()
    {
        await lab.NodesReachEachOtherAsync();
        await lab.ApplyAsync("nginx.yaml", "netshoot-client.yaml");
        await lab.PodsReadyAsync("netshoot-client");
        await lab.KubectlAsync("scale", "deployment", "nginx-deployment", "--replicas=14");
        await lab.KubectlAsync("rollout", "status", "deployment", "nginx-deployment", "--timeout=120s");

        // 1. More than one interface has addresses for them: m5.large holds ten each, the first of which is the interface's own.
        var pods = await AddressesAsync();
        Assert.Equal(14, pods.Distinct().Count());
        var interfaces = await LabFixture.EventuallyAsync(() => Task.FromResult(Interfaces()), found => found.Count >= 2 && found.All(one => one.Addresses.Count > 0), 30);
        Assert.All(pods, pod => Assert.Contains(interfaces, one => one.Addresses.Contains(pod)));
        Assert.All(interfaces, one => Assert.InRange(one.Addresses.Count, 1, 9));
        Assert.Equal($"Cilium-CNI ({EniLab.InstanceOf(Node)})", interfaces[1].Description);
        await LabFixture.EventuallyAsync(
            () => lab.ReadAsync($"ciliumnode {Node}", "{.status.eni.enis}"), told => interfaces.All(one => told.Contains(one.Id, StringComparison.Ordinal)), 60);
        Assert.Equal("m5.large vpc-1 eu-west-1a", await lab.ReadAsync($"ciliumnode {Node}", "{.spec.eni.instance-type} {.spec.eni.vpc-id} {.spec.eni.availability-zone}"));

        // 2. Each is reached from another node, and reaches it: the router takes an address from its interface only.
        var second = pods.Where(interfaces[1].Addresses.Contains).ToList();
        Assert.NotEmpty(second);
        foreach (var pod in pods) await lab.ReachesAsync("netshoot-client", $"http://{pod}");
        await lab.ReachesAsync("netshoot-client", "http://nginx-service");
        var rules = Rules();
        Assert.All(second, pod => Assert.Contains(rules, rule => rule is { Priority: 111, Table: 11 } && rule.Source.ToString() == $"{pod}/32" && rule.Destination.ToString() == "10.200.0.0/16"));
        Assert.All(pods, pod => Assert.Contains(rules, rule => rule is { Priority: 20, Table: 254 } && rule.Destination.ToString() == $"{pod}/32"));

        // 3. What users see. The router has an address too.
        var status = await lab.AgentAsync(Node, "cilium-dbg", "status");
        var ipam = status.Split('\n').Single(line => line.StartsWith("IPAM:", StringComparison.Ordinal));
        Assert.Matches(@"IPv4: \d+/\d+ allocated", ipam);
        Assert.Contains("10.200.0.0/16", status, StringComparison.Ordinal);
        Assert.Equal(0, (await LabFixture.EventuallyAsync(() => lab.CiliumExitAsync("ipam", "check", "--settle", "1s"), check => check.ExitCode == 0, 30)).ExitCode);

        // 4. Pods go, their rules with them, and what is too many goes back to the subnet.
        var before = Interfaces().Sum(one => one.Addresses.Count);
        await lab.KubectlAsync("scale", "deployment", "nginx-deployment", "--replicas=1");
        var left = await LabFixture.EventuallyAsync(AddressesAsync, addresses => addresses.Count == 1, 60);
        await LabFixture.EventuallyAsync(() => Task.FromResult(Rules()), found => !found.Any(rule => rule.Source is { } source && pods.Except(left).Contains(source.BaseAddress.ToString())), 30);
        await LabFixture.EventuallyAsync(() => Task.FromResult(Interfaces().Sum(one => one.Addresses.Count)), count => count <= before - 6, 90);
        Assert.Contains(Interfaces(), one => one.Addresses.Contains(left[0]));
        await lab.ReachesAsync("netshoot-client", $"http://{left[0]}");
    }

    private List<(string Id, string Description, HashSet<string> Addresses)> Interfaces() => lab.Model.Read(all => all.Where(one => one.Instance == EniLab.InstanceOf(Node)).OrderBy(one => one.Index)
        .Select(one => (one.Id, one.Description, one.Addresses.Select(address => address.ToString()).ToHashSet())).ToList());

    private List<RoutingRule> Rules()
    {
        using var ns = NetworkNamespace.Open(NetworkNamespace.PathOf(lab.Lab.NamespaceOfNode(Node)));
        using var network = RouteNetlink.Open(ns);
        return network.Rules(System.Net.Sockets.AddressFamily.InterNetwork);
    }

    private async Task<List<string>> AddressesAsync()
    {
        var text = await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{range .items[*]}{.status.podIP} {.metadata.deletionTimestamp}{\"\\n\"}{end}");
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).Where(pod => pod is [{ Length: > 0 }, ""]).Select(pod => pod[0])];
    }
}

/// <summary>Chapter 4, ENI with prefix delegation: one interface holds what three would not hold as single addresses.</summary>
public sealed class EniPrefixTests(EniPrefixLab lab) : IClassFixture<EniPrefixLab>
{
    private const string Node = "kind-worker2";

    // m5.large: three interfaces of nine addresses beside their own.
    private const int MoreThanSingleAddresses = 30;

    [Fact]
    public async Task Prefixes_hold_more_pods_than_single_addresses_could()
    {
        await lab.ApplyAsync("nginx.yaml", "netshoot-client.yaml");
        await lab.PodsReadyAsync("netshoot-client");
        await lab.KubectlAsync("scale", "deployment", "nginx-deployment", $"--replicas={MoreThanSingleAddresses}");
        await lab.KubectlAsync("rollout", "status", "deployment", "nginx-deployment", "--timeout=120s");

        var pods = (await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{.items[*].status.podIP}")).Split(' ').Select(IpAddr.Parse).ToList();
        Assert.Equal(MoreThanSingleAddresses, pods.Distinct().Count());
        var (addresses, prefixes) = lab.Model.Read(all => all.Where(one => one.Instance == EniLab.InstanceOf(Node)).Select(one => (one.Addresses.Count, one.Prefixes.ToList())).Single());
        Assert.Equal(0, addresses);
        Assert.InRange(prefixes.Count, 2, 9);
        Assert.All(prefixes, prefix => Assert.Equal(28, prefix.Length));
        Assert.All(pods, pod => Assert.Contains(prefixes, prefix => prefix.Contains(pod)));
        await LabFixture.EventuallyAsync(
            () => lab.ReadAsync($"ciliumnode {Node}", "{.status.eni.enis.*.prefixes[*]}"),
            told => told.Split(' ').Order(StringComparer.Ordinal).SequenceEqual(prefixes.Select(prefix => prefix.ToString()).Order(StringComparer.Ordinal)), 60);

        foreach (var pod in pods.Where((_, index) => index % 10 == 0))
            await lab.ReachesAsync("netshoot-client", $"http://{pod}");
        Assert.Equal(0, (await LabFixture.EventuallyAsync(() => lab.CiliumExitAsync("ipam", "check", "--settle", "1s"), check => check.ExitCode == 0, 30)).ExitCode);
    }
}
