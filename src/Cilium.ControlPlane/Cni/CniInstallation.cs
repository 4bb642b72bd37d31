using System.Text;
using System.Text.Json;
using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Cni;

/// <summary>Puts the plugin and its conflist where the container runtime looks; the conflist last, since it makes the node ready.</summary>
internal sealed partial class CniInstallation(AgentOptions options, ILogger<CniInstallation> logger)
{
    private const string PluginName = "cilium-cni";
    private const string ConflistName = "05-cilium.conflist";
    private const string BackupSuffix = ".cilium_bak";

    /// <summary>The files that are installed.</summary>
    public IReadOnlyList<string> Files { get; } =
    [
        .. options.CniBinaryDirectory.Length > 0 ? (string[])[Path.Combine(options.CniBinaryDirectory, PluginName)] : [],
        .. options.WritesCniConfiguration ? (string[])[Path.Combine(options.CniConfigurationDirectory, ConflistName)] : [],
    ];

    /// <summary>Whether there are configurations to set aside.</summary>
    public bool HasOthers => options is { WritesCniConfiguration: true, CniExclusive: true } && Directory.Exists(options.CniConfigurationDirectory) && Others().Any();

    /// <summary>The conflist; keys that have their defaults are left out.</summary>
    public static byte[] ConflistOf(AgentOptions options)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("cniVersion", "0.3.1");
            json.WriteString("name", "cilium");
            json.WriteStartArray("plugins");
            json.WriteStartObject();
            json.WriteString("type", PluginName);
            json.WriteBoolean("enable-debug", false);
            json.WriteString("log-file", options.CniLogFile.Length > 0 ? options.CniLogFile : Path.Combine(options.StateDirectory, "cilium-cni.log"));
            if (options.EffectiveSocketPath != AgentClient.DefaultSocketPath)
            {
                json.WriteString("socket-path", options.EffectiveSocketPath);
            }

            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return [.. buffer.ToArray(), .. Encoding.UTF8.GetBytes("\n")];
    }

    /// <summary>Installs both; without effect where everything is as it should be.</summary>
    /// <exception cref="InvalidOperationException">There is no plugin to install, and none installed.</exception>
    public void Install()
    {
        InstallPlugin();
        if (!options.WritesCniConfiguration)
        {
            return;
        }

        Directory.CreateDirectory(options.CniConfigurationDirectory);
        if (options.CniExclusive)
        {
            SetOthersAside();
        }

        var path = Path.Combine(options.CniConfigurationDirectory, ConflistName);
        var content = ConflistOf(options);
        if (!File.Exists(path) || !File.ReadAllBytes(path).AsSpan().SequenceEqual(content))
        {
            // The runtime reads whatever ends in .conflist the moment it appears, so it appears whole.
            var aside = path + ".tmp";
            File.WriteAllBytes(aside, content);
            File.Move(aside, path, overwrite: true);
            LogWritten(logger, path);
        }
    }

    private void InstallPlugin()
    {
        if (options.CniBinaryDirectory.Length == 0)
        {
            return;
        }

        var source = options.CniPluginPath.Length > 0 ? options.CniPluginPath : PluginBesideUs();
        var target = Path.Combine(options.CniBinaryDirectory, PluginName);
        if (!File.Exists(source))
        {
            if (File.Exists(target) && options.CniPluginPath.Length == 0)
            {
                // An init container may have put it there, as upstream's does.
                return;
            }

            throw new InvalidOperationException($"there is no plugin {source} to install in {options.CniBinaryDirectory} (cni-plugin-path)");
        }

        Directory.CreateDirectory(options.CniBinaryDirectory);
        var sourceInfo = File.ResolveLinkTarget(source, returnFinalTarget: true) as FileInfo ?? new FileInfo(source);
        if (new FileInfo(target) is { Exists: true } targetInfo
            && targetInfo.Length == sourceInfo.Length && targetInfo.LastWriteTimeUtc == sourceInfo.LastWriteTimeUtc)
        {
            return;
        }

        var aside = target + ".new";
        File.Copy(source, aside, overwrite: true);
        File.SetLastWriteTimeUtc(aside, sourceInfo.LastWriteTimeUtc);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(aside, (UnixFileMode)0b111_101_101);
        }

        File.Move(aside, target, overwrite: true);
        LogInstalled(logger, target);
    }

    // Beside the agent, or in its own folder where each program is published into one.
    private static string PluginBesideUs()
    {
        var beside = Path.Combine(AppContext.BaseDirectory, PluginName);
        var published = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "Cni", PluginName));
        return !File.Exists(beside) && File.Exists(published) ? published : beside;
    }

    private void SetOthersAside()
    {
        foreach (var path in Others())
        {
            File.Move(path, path + BackupSuffix, overwrite: true);
            LogSetAside(logger, path);
        }
    }

    private IEnumerable<string> Others() => Directory.GetFiles(options.CniConfigurationDirectory)
        .Where(path => Path.GetFileName(path) != ConflistName && Path.GetExtension(path) is ".conf" or ".conflist" or ".json");

    [LoggerMessage(1, LogLevel.Information, "Wrote {Path}")]
    private static partial void LogWritten(ILogger logger, string path);

    [LoggerMessage(2, LogLevel.Information, "Installed {Path}")]
    private static partial void LogInstalled(ILogger logger, string path);

    [LoggerMessage(3, LogLevel.Information, "Set {Path} aside (cni-exclusive)")]
    private static partial void LogSetAside(ILogger logger, string path);
}
