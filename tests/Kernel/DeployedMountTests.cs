using System.Diagnostics;
using YamlDotNet.RepresentationModel;

namespace Cilium.KernelTests;

/// <summary>What the init container of <c>deploy/agent.yaml</c> does to <c>/sys/fs/bpf</c>, tried in mounts of its own.</summary>
public sealed class DeployedMountTests
{
    [Fact]
    public async Task A_bpffs_is_mounted_over_the_folder_of_the_host_and_only_once()
    {
        var folder = Directory.CreateTempSubdirectory("deployed-mount-").FullName;
        try
        {
            // In the container the host's folder is bound to this place, and so is a mount point without a bpffs.
            const string count = "grep -c ' /sys/fs/bpf bpf ' /proc/mounts";
            var script = $"""
                while grep -q ' /sys/fs/bpf ' /proc/mounts; do umount -l /sys/fs/bpf; done
                mount --bind {folder} /sys/fs/bpf
                {Command()}
                {count}
                {Command()}
                {count}
                """;
            using var process = Process.Start(new ProcessStartInfo("unshare", ["--mount", "--propagation", "private", "sh", "-ec", script])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var complaints = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            Assert.Equal("1\n1\n", await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
            Assert.Equal("", await complaints);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        finally
        {
            Directory.Delete(folder);
        }
    }

    private static string Command()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Cilium.sln")))
        {
            root = root.Parent ?? throw new DirectoryNotFoundException("Cilium.sln was not found above the test's folder");
        }

        var stream = new YamlStream();
        using var text = File.OpenText(Path.Combine(root.FullName, "deploy", "agent.yaml"));
        stream.Load(text);
        var containers = (YamlSequenceNode)stream.Documents.Single().RootNode["spec"]["template"]["spec"]["initContainers"];
        return ((YamlSequenceNode)containers.Single(container => container["name"].ToString() == "mount-bpf-fs")["command"]).Last().ToString();
    }
}
