using System.Net;

namespace Cilium.LabTests;

public sealed class PoolChurnLab() : LabFixture("poolchurn", "multi-pool.yaml", nodes: 3);

/// <summary>Pods of three pools come and go while agents and the operator are killed at random: no address twice, none lost, none outside its pool.</summary>
public sealed class PoolChurnTests(PoolChurnLab lab) : IClassFixture<PoolChurnLab>
{
    private const int Most = 50;
    private const int PatienceSeconds = 180;

    /// <summary>Pods to be created at least; the whole run is 1,000.</summary>
    private static readonly int s_pods = int.TryParse(Environment.GetEnvironmentVariable("CILIUM_CHURN_PODS"), out var pods) ? pods : 250;

    private static readonly (string Namespace, string Pool, IPNetwork Range)[] s_tenants =
    [
        ("acme-corp", "acme-pool", IPNetwork.Parse("10.20.0.0/16")),
        ("foobar-inc", "foobar-pool", IPNetwork.Parse("10.30.0.0/16")),
        ("default", "default", IPNetwork.Parse("10.10.0.0/16")),
    ];

    [Fact]
    public async Task Pools_survive_crashes_of_agents_and_operator()
    {
        var random = new Random(7);
        await lab.ApplyAsync("pod-pools.yaml");
        foreach (var (tenant, pool, _) in s_tenants)
        {
            if (pool != "default") await lab.KubectlAsync("annotate", "namespace", tenant, $"ipam.cilium.io/ip-pool={pool}");
            await lab.KubectlAsync("-n", tenant, "create", "deployment", "churn", "--image=busybox", "--replicas=0");
            await lab.KubectlAsync("-n", tenant, "patch", "deployment", "churn", "--patch", """{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":0}}}}""");
        }

        var running = s_tenants.ToDictionary(tenant => tenant.Namespace, _ => 0);
        for (var (round, created) = (0, 0); created < s_pods; round++)
        {
            foreach (var (tenant, before) in running.ToList())
            {
                running[tenant] = round % 2 == 0 ? random.Next(Most / 2, Most) : random.Next(Most / 5);
                created += Math.Max(0, running[tenant] - before);
                await lab.KubectlAsync("-n", tenant, "scale", "deployment", "churn", $"--replicas={running[tenant]}");
            }

            await KillAsync("k8s-app=cilium", random);
            await KillAsync(random.Next(2) == 0 ? "k8s-app=cilium" : "io.cilium/app=operator", random);
            foreach (var (tenant, replicas) in running)
                await LabFixture.EventuallyAsync(() => AddressesAsync(tenant), addresses => addresses.Count == replicas, PatienceSeconds);
            await LabFixture.EventuallyAsync(ProblemAsync, problem => problem.Length == 0, 60);
        }

        // An agent that was killed tells of its endpoints when it is back.
        await LabFixture.EventuallyAsync(() => lab.CiliumExitAsync("ipam", "check"), check => check.ExitCode == 0, 60);
        foreach (var (tenant, _, _) in s_tenants) await lab.KubectlAsync("-n", tenant, "delete", "deployment", "churn");
        await LabFixture.EventuallyAsync(
            () => lab.ReadAsync("ciliumnodes", "{.items[*].spec.ipam.pools.allocated[*].pool}"), pools => pools == "default default default", PatienceSeconds);
        await LabFixture.EventuallyAsync(() => lab.CiliumExitAsync("ipam", "check"), check => check.ExitCode == 0, 60);
    }

    private async Task<List<string>> AddressesAsync(string tenant)
    {
        var text = await lab.ReadAsync($"pods -n {tenant} -l app=churn", "{range .items[*]}{.status.phase} {.status.podIP}{\"\\n\"}{end}");
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).Where(pod => pod is ["Running", { Length: > 0 }]).Select(pod => pod[1])];
    }

    /// <summary>What is wrong with pods, pools and nodes as they are written down now; empty when nothing is.</summary>
    private async Task<string> ProblemAsync()
    {
        var held = (await lab.ReadAsync("ciliumnodes", "{range .items[*]}{.metadata.name}{range .spec.ipam.pools.allocated[*]}{range .cidrs[*]} {@}{end}{end}{\"\\n\"}{end}"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' '))
            .ToDictionary(line => line[0], line => line.Skip(1).Select(IPNetwork.Parse).ToList());
        var cidrs = held.Values.SelectMany(list => list).ToList();
        if (cidrs.Distinct().Count() != cidrs.Count) return $"CIDRs are held twice: {string.Join(" ", cidrs)}";
        var seen = new HashSet<string>();
        foreach (var (tenant, _, range) in s_tenants)
        {
            var pods = await lab.ReadAsync($"pods -n {tenant} -l app=churn", "{range .items[*]}{.spec.nodeName} {.status.podIP} {.metadata.deletionTimestamp}{\"\\n\"}{end}");
            // A pod that is going still shows its address after it was given back.
            foreach (var pod in pods.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).Where(pod => pod is [_, { Length: > 0 }, ""]))
            {
                if (!seen.Add(pod[1])) return $"{pod[1]} is given twice";
                if (!range.Contains(IPAddress.Parse(pod[1]))) return $"{pod[1]} of {tenant} is not in {range}";
                if (!held[pod[0]].Exists(cidr => cidr.Contains(IPAddress.Parse(pod[1])))) return $"{pod[1]} is in no CIDR of {pod[0]}";
            }
        }

        return "";
    }

    /// <summary>Kills one of some pods as a crash would.</summary>
    private async Task KillAsync(string label, Random random)
    {
        var pods = (await lab.KubectlAsync("-n", "kube-system", "get", "pods", "-l", label, "-o", "jsonpath={range .items[*]}{.spec.nodeName} {.metadata.uid}{\"\\n\"}{end}"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var pod = pods[random.Next(pods.Length)].Split(' ');
        foreach (var process in await File.ReadAllLinesAsync(Path.Combine(lab.Lab.CgroupOfNode(pod[0]), "pods", pod[1], "cgroup.procs"), CancellationToken.None))
            await LabFixture.RunAsync("kill", "-KILL", process);
    }
}
