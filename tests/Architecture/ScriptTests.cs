using System.Diagnostics;

namespace Cilium.Architecture;

/// <summary>The root scripts, with stand-ins for the programs that they call.</summary>
public sealed class ScriptTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cilium-scripts-").FullName;

    public ScriptTests()
    {
        Directory.CreateDirectory(Bin);
        Directory.CreateDirectory(Path.Combine(_folder, "scripts"));
        foreach (var script in (string[])["publish.sh", "prerequisites.sh"])
        {
            File.Copy(Path.Combine(Repository.Root, "scripts", script), Path.Combine(_folder, "scripts", script));
        }
    }

    private string Bin => Path.Combine(_folder, "bin");

    [Fact]
    public async Task What_a_build_leaves_running_does_not_hold_the_lock_of_the_binaries()
    {
        var host = Path.Combine(_folder, "src", "Cilium.Hosts", "Lab");
        Directory.CreateDirectory(host);
        Directory.CreateDirectory(Path.Combine(_folder, "bpf"));
        foreach (var file in (string[])["Directory.Build.props", "global.json"])
        {
            await File.WriteAllTextAsync(Path.Combine(_folder, file), "");
        }

        await File.WriteAllTextAsync(Path.Combine(host, "Lab.csproj"), "<AssemblyName>cilium-lab</AssemblyName>");
        // As MSBuild's nodes and the compiler server do, it outlives the command that started it.
        StandIn("dotnet", $"mkdir -p artifacts/publish/Lab.new; sleep 300 >/dev/null 2>&1 & echo $! >'{_folder}/left'");
        try
        {
            Assert.Equal("", await BashAsync("scripts/publish.sh 2>&1 | grep -v 'Publishing' || true"));
            Assert.Equal("free", await BashAsync("flock -n artifacts/publish.lock true && echo free || echo held"));
        }
        finally
        {
            Process.GetProcessById(int.Parse(await File.ReadAllTextAsync(Path.Combine(_folder, "left")), System.Globalization.CultureInfo.InvariantCulture)).Kill();
        }
    }

    [Theory]
    [InlineData("CILIUM_CHURN_PODS", true)]
    [InlineData("https_proxy", true)]
    [InlineData("NUGET_PACKAGES", true)]
    [InlineData("HOME", false)]
    public async Task Sudo_keeps_what_steers_the_scripts_and_no_home(string variable, bool isKept)
    {
        StandIn("id", "echo 1000");
        StandIn("sudo", "echo \"$1\"; shift; [ \"$1\" = env ] && echo \"$2\"");

        var said = await BashAsync($"export {variable}=x; PATH=$PATH:/my/sdk; . scripts/prerequisites.sh; ensure_root lab");

        Assert.Equal(isKept, said.Split('\n')[0].Replace("--preserve-env=", "", StringComparison.Ordinal).Split(',').Contains(variable));
        Assert.EndsWith(":/my/sdk", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_built_belongs_to_who_called_sudo_if_the_checkout_does()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root to become somebody else");
        await BashAsync("chown nobody: . && chmod 755 .");
        const string build = ". scripts/prerequisites.sh; as_builder bash -c 'echo $(id -un) $HOME >built'; mkdir -p artifacts; give_to_builder artifacts; stat -c %U built artifacts | paste -sd' '; cat built";

        var theirs = await BashAsync($"export SUDO_UID=$(id -u nobody); {build}");
        Assert.Equal($"nobody nobody\nnobody {await BashAsync("getent passwd nobody | cut -d: -f6")}", theirs);

        await BashAsync("rm -rf built artifacts; chown root: .");
        Assert.StartsWith("root root\nroot ", await BashAsync($"export SUDO_UID=$(id -u nobody); {build}"), StringComparison.Ordinal);
    }

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
    }

    private void StandIn(string name, string script)
    {
        var file = Path.Combine(Bin, name);
        File.WriteAllText(file, $"#!/usr/bin/env bash\n{script}\n");
        if (OperatingSystem.IsLinux())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private async Task<string> BashAsync(string script)
    {
        var start = new ProcessStartInfo("bash", ["-c", script]) { WorkingDirectory = _folder, RedirectStandardOutput = true };
        start.Environment["PATH"] = $"{Bin}:{Environment.GetEnvironmentVariable("PATH")}";
        using var bash = Process.Start(start)!;
        var output = await bash.StandardOutput.ReadToEndAsync();
        await bash.WaitForExitAsync();
        return output.TrimEnd('\n');
    }
}
