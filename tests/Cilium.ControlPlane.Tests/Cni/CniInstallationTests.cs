using System.Text.Json;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Cni;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Cni;

public sealed class CniInstallationTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("cilium-cni-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_plugin_is_copied_and_others_are_set_aside()
    {
        var options = New();
        File.WriteAllText(options.CniPluginPath, "#!/bin/true");
        Directory.CreateDirectory(options.CniConfigurationDirectory);
        File.WriteAllText(Path.Combine(options.CniConfigurationDirectory, "10-other.conf"), "{}");
        var installation = new CniInstallation(options, NullLogger<CniInstallation>.Instance);
        installation.Install();
        installation.Install();
        var target = Path.Combine(options.CniBinaryDirectory, "cilium-cni");
        Assert.Equal("#!/bin/true", File.ReadAllText(target));
        Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(target).HasFlag(UnixFileMode.UserExecute));
        Assert.Equal(
            ["05-cilium.conflist", "10-other.conf.cilium_bak"],
            Directory.GetFiles(options.CniConfigurationDirectory).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_conflist_has_upstreams_shape_and_the_socket_when_it_is_not_the_default()
    {
        using var document = JsonDocument.Parse(CniInstallation.ConflistOf(New()));
        var root = document.RootElement;
        Assert.Equal("0.3.1", root.GetProperty("cniVersion").GetString());
        Assert.Equal("cilium", root.GetProperty("name").GetString());
        var plugin = root.GetProperty("plugins")[0];
        Assert.Equal("cilium-cni", plugin.GetProperty("type").GetString());
        Assert.Equal(Path.Combine(_directory, "run", "cilium.sock"), plugin.GetProperty("socket-path").GetString());

        using var plain = JsonDocument.Parse(CniInstallation.ConflistOf(new AgentOptions()));
        Assert.False(plain.RootElement.GetProperty("plugins")[0].TryGetProperty("socket-path", out _));
    }

    [Fact]
    public void A_missing_plugin_is_named()
    {
        var exception = Assert.Throws<InvalidOperationException>(() => new CniInstallation(New(), NullLogger<CniInstallation>.Instance).Install());
        Assert.Contains("cni-plugin-path", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_configuration_of_somebody_else_is_left_to_them()
    {
        var options = New();
        options.CustomCniConfiguration = true;
        File.WriteAllText(options.CniPluginPath, "#!/bin/true");
        Directory.CreateDirectory(options.CniConfigurationDirectory);
        File.WriteAllText(Path.Combine(options.CniConfigurationDirectory, "10-chained.conflist"), "{}");
        new CniInstallation(options, NullLogger<CniInstallation>.Instance).Install();
        Assert.True(File.Exists(Path.Combine(options.CniBinaryDirectory, "cilium-cni")));
        Assert.Equal(["10-chained.conflist"], Directory.GetFiles(options.CniConfigurationDirectory).Select(Path.GetFileName));
    }

    private AgentOptions New() => new()
    {
        StateDirectory = Path.Combine(_directory, "run"),
        CniConfigurationDirectory = Path.Combine(_directory, "net.d"),
        CniBinaryDirectory = Path.Combine(_directory, "bin"),
        CniPluginPath = Path.Combine(_directory, "cilium-cni"),
    };
}
