using System.Diagnostics;
using Cilium.Lab;

namespace Cilium.LabTests;

public sealed class OneNodeLab() : LabFixture("mine", null, nodes: 1, installsCilium: false);

/// <summary>The demonstration as a command: to its end, beside somebody's lab, and interrupted.</summary>
public sealed class DemoTests(OneNodeLab lab) : IClassFixture<OneNodeLab>
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);

    [Fact]
    public async Task It_passes_all_its_checks_and_leaves_nothing()
    {
        using var demo = Start("t-demo");
        var (code, output, error) = await EndOfAsync(demo);

        Assert.True(code == 0, $"exit {code}\n{output}{error}");
        Assert.Contains("passed", output, StringComparison.Ordinal);
        Assert.DoesNotContain("FAILED", output, StringComparison.Ordinal);
        AssertNothingIsLeftOf(Named("t-demo"));
    }

    [Fact]
    public async Task It_does_not_touch_a_lab_that_is_up()
    {
        using var demo = Start("t-mine");
        var (code, _, error) = await EndOfAsync(demo);

        Assert.Equal(1, code);
        Assert.Contains("is up already", error, StringComparison.Ordinal);
        Assert.StartsWith("ready", lab.Lab.Describe(), StringComparison.Ordinal);
        await lab.KubectlAsync("get", "nodes");
    }

    [Fact]
    public async Task It_takes_its_lab_down_when_it_is_interrupted()
    {
        using var demo = Start("t-stopped");
        var stopped = Named("t-stopped");
        await LabFixture.EventuallyAsync(() => Task.FromResult(stopped.IsUp), up => up, 60);
        Process.Start("kill", ["-INT", $"{demo.Id}"]).WaitForExit();
        var (code, output, error) = await EndOfAsync(demo);

        Assert.True(code != 0, $"{output}{error}");
        AssertNothingIsLeftOf(stopped);
    }

    private static void AssertNothingIsLeftOf(LabCluster cluster)
    {
        Assert.Null(cluster.Describe());
        Assert.False(Directory.Exists(Path.GetDirectoryName(cluster.KubeconfigFile)), "its folder is left");
        Assert.DoesNotContain(
            cluster.NodeNames.Select(cluster.NamespaceOfNode).Append(cluster.UnderlayNamespace), name => File.Exists(Path.Combine("/run/netns", name)));
    }

    private LabCluster Named(string name) => new(
        new LabOptions { Name = name, Nodes = 3, Root = Path.Combine(lab.Root, ".lab"), Binaries = Path.Combine(lab.Root, "artifacts", "bin") }, TimeProvider.System);

    private Process Start(string name) => Process.Start(new ProcessStartInfo(
        lab.Binary("cilium-lab"),
        ["demo", "--name", name, "--root", Path.Combine(lab.Root, ".lab"), "--binaries", Path.Combine(lab.Root, "artifacts", "bin")])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    private static async Task<(int Code, string Output, string Error)> EndOfAsync(Process process)
    {
        using var late = new CancellationTokenSource(s_patience);
        var output = process.StandardOutput.ReadToEndAsync(late.Token);
        var error = process.StandardError.ReadToEndAsync(late.Token);
        await process.WaitForExitAsync(late.Token);
        return (process.ExitCode, await output, await error);
    }
}
