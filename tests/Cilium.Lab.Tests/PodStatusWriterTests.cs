using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Nodes;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Tests;

/// <summary>What the state of a pod's containers makes of its phase and conditions.</summary>
public sealed class PodStatusWriterTests
{
    private readonly ClusterState state = TestCluster.Create();

    [Theory]
    [InlineData("Never", 1, "Failed")]
    [InlineData("OnFailure", 1, "Pending")]
    [InlineData("Always", 1, "Pending")]
    [InlineData("Never", 0, "Pending")]
    public void An_init_container_that_fails_ends_a_pod_that_restarts_nothing(string policy, int exitCode, string phase)
    {
        var (pod, containers) = Pod(policy, """{"name":"i","image":"busybox"}""");
        (containers[0].Phase, containers[0].ExitCode) = (ContainerPhase.Terminated, exitCode);
        Assert.Equal(phase, Write(pod, containers).Text("status", "phase"));
    }

    [Fact]
    public void A_sidecar_has_done_its_part_when_it_has_started_and_a_pod_is_ready_with_it()
    {
        var (pod, containers) = Pod("Always", """{"name":"s","image":"nginx","restartPolicy":"Always"}""");
        var (sidecar, main) = (containers[0], containers[1]);
        sidecar.Phase = ContainerPhase.Running;
        Assert.Equal(("Pending", false), Seen(Write(pod, containers)));

        sidecar.MarkStarted();
        main.Phase = ContainerPhase.Running;
        main.IsReady = true;
        var written = Write(pod, containers);
        Assert.Equal(("Running", true), Seen(written));
        Assert.False(written.HasCondition("Ready"));
        Assert.Contains("[s]", written.Items("status", "conditions").First(condition => condition.Text("type") == "Ready").Text("message"), StringComparison.Ordinal);

        sidecar.IsReady = true;
        Assert.True(Write(pod, containers).HasCondition("Ready"));
        // One that is started anew does not take the pod back.
        (sidecar.Phase, sidecar.IsStarted, sidecar.IsReady) = (ContainerPhase.Waiting, false, false);
        Assert.Equal(("Running", true), Seen(Write(pod, containers)));
    }

    [Fact]
    public void A_sidecar_does_not_keep_a_pod_from_its_end()
    {
        var (pod, containers) = Pod("Never", """{"name":"s","image":"nginx","restartPolicy":"Always"}""");
        containers[0].MarkStarted();
        (containers[0].Phase, containers[0].ExitCode) = (ContainerPhase.Terminated, 143);
        containers[1].Phase = ContainerPhase.Terminated;
        Assert.Equal("Succeeded", Write(pod, containers).Text("status", "phase"));
    }

    private static (string? Phase, bool IsInitialized) Seen(JsonObject pod) => (pod.Text("status", "phase"), pod.HasCondition("Initialized"));

    private (JsonObject Pod, List<ContainerRecord> Containers) Pod(string policy, string init)
    {
        var pod = state.Create(
            BuiltInKinds.Pods,
            $$$"""{"metadata":{"name":"p"},"spec":{"nodeName":"n","restartPolicy":"{{{policy}}}","initContainers":[{{{init}}}],"containers":[{"name":"c","image":"busybox"}]}}""");
        return (pod, [.. ContainerRecord.AllOf(pod)]);
    }

    private JsonObject Write(JsonObject pod, List<ContainerRecord> containers)
    {
        new PodStatusWriter(state, "n").Write(pod, containers, ["10.0.0.1"], "id");
        return state.Store.Get(BuiltInKinds.Pods, "default", "p")!.Json;
    }
}
