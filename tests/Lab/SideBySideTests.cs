namespace Cilium.LabTests;

public sealed class LeftLab() : LabFixture("left", "kubernetes.yaml");

public sealed class RightLab() : LabFixture("right", "cluster-pool.yaml");

/// <summary>Two clusters on one machine know nothing of each other.</summary>
public sealed class SideBySideTests(LeftLab left, RightLab right) : IClassFixture<LeftLab>, IClassFixture<RightLab>
{
    [Fact]
    public async Task Labs_of_different_names_run_side_by_side_and_end_one_by_one()
    {
        foreach (var lab in (LabFixture[])[left, right])
        {
            await lab.ApplyAsync("netshoot-client.yaml", "nginx.yaml");
            await lab.PodsReadyAsync();
        }

        Assert.NotEqual(await left.ReadAsync("namespace kube-system", "{.metadata.uid}"), await right.ReadAsync("namespace kube-system", "{.metadata.uid}"));
        Assert.StartsWith("10.244.", await left.ReadAsync("pod netshoot-client", "{.status.podIP}"), StringComparison.Ordinal);
        Assert.StartsWith("10.42.", await right.ReadAsync("pod netshoot-client", "{.status.podIP}"), StringComparison.Ordinal);
        await AnswersAsync(left);
        await AnswersAsync(right);

        // What one deletes the other keeps.
        await left.KubectlAsync("delete", "pod", "netshoot-client", "--wait");
        await AnswersAsync(right);
        await left.Lab.DownAsync(CancellationToken.None);
        await AnswersAsync(right);
        Assert.Equal("True True True", await right.ReadAsync("nodes", "{.items[*].status.conditions[?(@.type==\"Ready\")].status}"));
    }

    private static async Task AnswersAsync(LabFixture lab) =>
        await lab.ReachesAsync("netshoot-client", "http://nginx-service");
}
