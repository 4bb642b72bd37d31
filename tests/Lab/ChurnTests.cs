namespace Cilium.LabTests;

public sealed class ChurnLab() : LabFixture("churn", null, nodes: 2);

/// <summary>Many pods come and go on one node while its agent is killed at random moments: nothing may be left.</summary>
public sealed class ChurnTests(ChurnLab lab) : IClassFixture<ChurnLab>
{
    private const string Node = "kind-worker";
    private const int Pods = 200;
    private const int PatienceSeconds = 240;

    [Fact]
    public async Task Two_hundred_pods_leave_nothing_behind()
    {
        // Nodes are ready before their health endpoints are there.
        await lab.NodesReachEachOtherAsync();
        var before = await SnapshotAsync();
        var random = new Random(20);
        await lab.KubectlAsync("create", "deployment", "churn", "--image=busybox", "--replicas=0");
        await lab.KubectlAsync("patch", "deployment", "churn", "--patch", """{"spec":{"template":{"spec":{"nodeSelector":{"kubernetes.io/hostname":"kind-worker"},"terminationGracePeriodSeconds":0}}}}""");

        await lab.KubectlAsync("scale", "deployment", "churn", $"--replicas={Pods}");
        for (var kill = 0; kill < 3; kill++) await KillAgentWhenAsync(running => running >= random.Next(10, Pods * (kill + 1) / 4));
        await LabFixture.EventuallyAsync(RunningAsync, running => running == Pods, PatienceSeconds);
        var addresses = (await lab.ReadAsync("pods -l app=churn", "{.items[*].status.podIP}")).Split(' ');
        Assert.Equal(Pods, addresses.Distinct().Count());

        await lab.KubectlAsync("scale", "deployment", "churn", "--replicas=0");
        for (var kill = 0; kill < 2; kill++) await KillAgentWhenAsync(running => running <= random.Next(Pods / 2, Pods));
        await LabFixture.EventuallyAsync(() => lab.KubectlAsync("get", "pods", "-l", "app=churn", "-o", "name"), names => names.Length == 0, PatienceSeconds);
        await lab.KubectlAsync("-n", "kube-system", "rollout", "status", "daemonset", "cilium", "--timeout=90s");

        Assert.Equal("", await lab.ReadAsync("events --field-selector reason=FailedKillPod", "{.items[*].message}"));
        await LabFixture.EventuallyAsync(SnapshotAsync, after => after == before, 60);
        await lab.KubectlAsync("delete", "deployment", "churn");
    }

    private async Task<int> RunningAsync() =>
        int.TryParse(await lab.ReadAsync("deployment churn", "{.status.readyReplicas}"), out var running) ? running : 0;

    /// <summary>Kills the agent of the node as a crash would, once as many pods run as wanted.</summary>
    private async Task KillAgentWhenAsync(Func<int, bool> enough)
    {
        await LabFixture.EventuallyAsync(RunningAsync, enough, PatienceSeconds);
        var uid = await lab.KubectlAsync("-n", "kube-system", "get", "pods", "-l", "k8s-app=cilium", "--field-selector", $"spec.nodeName={Node}", "-o", "jsonpath={.items[0].metadata.uid}");
        foreach (var process in await File.ReadAllLinesAsync(Path.Combine(lab.Lab.CgroupOfNode(Node), "pods", uid, "cgroup.procs"), CancellationToken.None))
            await LabFixture.RunAsync("kill", "-KILL", process);
    }

    /// <summary>What pods leave on a node and in the API when somebody forgets them.</summary>
    private async Task<Remains> SnapshotAsync()
    {
        var devices = await LabFixture.RunAsync("ip", "-n", lab.Lab.NamespaceOfNode(Node), "-o", "link");
        var endpoints = await lab.KubectlAsync("get", "ciliumendpoints", "--all-namespaces", "-o", "name");
        var (code, rows, _) = await lab.Lab.KubectlAsync(
            ["-n", "kube-system", "exec", await AgentPodAsync(), "-c", "cilium-agent", "--", "sh", "-c", "cilium-dbg bpf endpoint list; cilium-dbg endpoint list; cilium-dbg status | grep allocated"],
            CancellationToken.None);
        var allocated = rows.Split('\n').FirstOrDefault(line => line.Contains("allocated from", StringComparison.Ordinal)) ?? "";
        return new Remains(
            devices.Split('\n').Count(line => line.Contains(": lxc", StringComparison.Ordinal)),
            Directory.GetFiles("/run/netns", "cl-t-churn-p*").Length,
            Directory.GetDirectories(Path.Combine(lab.Lab.CgroupOfNode(Node), "pods")).Length,
            endpoints.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length,
            code == 0 ? rows.Split('\n').Length : -1,
            allocated.Trim());
    }

    private Task<string> AgentPodAsync() => lab.KubectlAsync(
        "-n", "kube-system", "get", "pods", "-l", "k8s-app=cilium", "--field-selector", $"spec.nodeName={Node}", "-o", "jsonpath={.items[0].metadata.name}");

    private sealed record Remains(int Devices, int Namespaces, int Cgroups, int Endpoints, int MapRows, string Addresses);
}
