using System.Runtime.Versioning;

namespace Cilium.LabTests;

public sealed class BareLab() : LabFixture("bare", null, nodes: 1, installsCilium: false);

/// <summary>Chapter 3, step 1: a cluster without a network plugin.</summary>
public sealed class BareClusterTests(BareLab lab) : IClassFixture<BareLab>
{
    [Fact]
    public async Task A_node_without_network_plugin_is_not_ready()
    {
        var condition = await lab.ReadAsync("node kind-control-plane", "{.status.conditions[?(@.type==\"Ready\")]}");

        Assert.Contains("\"status\":\"False\"", condition, StringComparison.Ordinal);
        Assert.Contains("cni plugin not initialized", condition, StringComparison.Ordinal);
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void Nobody_else_on_the_machine_can_read_what_makes_them_root_of_it()
    {
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var node = lab.Lab.FolderOfNode("kind-control-plane");

        Assert.Equal(Owner, File.GetUnixFileMode(lab.Lab.KubeconfigFile));
        Assert.Equal(Owner, File.GetUnixFileMode(Path.Combine(node, "kubeconfig")));
        Assert.Equal(Owner | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(node)!));
    }

    [Fact]
    public async Task A_policy_is_refused_before_the_operator_has_run()
    {
        var (code, _, error) = await lab.Lab.KubectlAsync(["apply", "-f", lab.Walk("policy.yaml")], CancellationToken.None);

        Assert.NotEqual(0, code);
        Assert.Contains("no matches for kind \"CiliumNetworkPolicy\" in version \"cilium.io/v2\"", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Kubectl_creates_typed_objects()
    {
        await lab.KubectlAsync("create", "namespace", "made-by-hand");
        await lab.KubectlAsync("-n", "made-by-hand", "create", "deployment", "web", "--image=nginx", "--replicas=2");
        await lab.KubectlAsync("-n", "made-by-hand", "expose", "deployment", "web", "--port=80");

        Assert.Equal("2", await LabFixture.EventuallyAsync(
            () => lab.ReadAsync("deployment web -n made-by-hand", "{.status.replicas}"), replicas => replicas == "2"));
        await lab.KubectlAsync("delete", "namespace", "made-by-hand");
    }

    [Fact]
    public async Task Pods_of_the_node_network_run_without_a_plugin()
    {
        await lab.KubectlAsync(
            "run", "host", "--image=busybox", "--restart=Never",
            "--overrides={\"spec\":{\"hostNetwork\":true,\"tolerations\":[{\"operator\":\"Exists\"}]}}", "--command", "--", "sh", "-c", "echo from the node; sleep infinity");
        await lab.PodsReadyAsync("host");

        Assert.Equal("from the node\n", await LabFixture.EventuallyAsync(() => lab.KubectlAsync("logs", "host"), log => log.Length > 0));
        Assert.Equal(7, (await lab.ExecAsync("host", "sh", "-c", "exit 7")).ExitCode);
        await lab.KubectlAsync("delete", "pod", "host");
    }

    [Fact]
    public async Task A_sidecar_runs_beside_the_container_and_ends_with_it()
    {
        await lab.KubectlAsync(
            "run", "work", "--image=busybox", "--restart=Never",
            "--overrides={\"spec\":{\"hostNetwork\":true,\"tolerations\":[{\"operator\":\"Exists\"}],\"initContainers\":"
            + "[{\"name\":\"side\",\"image\":\"busybox\",\"restartPolicy\":\"Always\",\"command\":[\"sleep\",\"infinity\"]}]}}",
            "--command", "--", "sh", "-c", "sleep 2; exit 0");

        Assert.Equal("Succeeded", await LabFixture.EventuallyAsync(() => lab.ReadAsync("pod work", "{.status.phase}"), phase => phase is "Succeeded" or "Failed"));
        Assert.NotEqual("", await LabFixture.EventuallyAsync(
            () => lab.ReadAsync("pod work", "{.status.initContainerStatuses[0].state.terminated.exitCode}"), code => code.Length > 0));
        await lab.KubectlAsync("delete", "pod", "work");
    }

    [Fact]
    public async Task A_command_runs_in_an_init_container_that_is_running()
    {
        await lab.KubectlAsync(
            "run", "slow", "--image=busybox", "--restart=Never",
            "--overrides={\"spec\":{\"hostNetwork\":true,\"tolerations\":[{\"operator\":\"Exists\"}],\"initContainers\":"
            + "[{\"name\":\"first\",\"image\":\"busybox\",\"command\":[\"sleep\",\"infinity\"],\"env\":[{\"name\":\"WHO\",\"value\":\"first\"}]}]}}",
            "--command", "--", "sleep", "infinity");
        await LabFixture.EventuallyAsync(() => lab.ReadAsync("pod slow", "{.status.initContainerStatuses[0].state.running.startedAt}"), started => started.Length > 0);

        Assert.Equal("first\n", await lab.KubectlAsync("exec", "slow", "-c", "first", "--", "sh", "-c", "echo $WHO"));
        await lab.KubectlAsync("delete", "pod", "slow", "--grace-period=0", "--force");
    }
}
