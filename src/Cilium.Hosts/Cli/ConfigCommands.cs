using System.CommandLine;
using System.Text.Json;

namespace Cilium.Hosts.Cli;

/// <summary><c>cilium config view|set|delete</c>: the ConfigMap of the agents.</summary>
internal static class ConfigCommands
{
    private const string ConfigMap = "cilium-config";
    private const int Spacing = 4;

    public static Command Create(ClusterOptions cluster) => new("config", "Manage Configuration") { View(cluster), Set(cluster), Delete(cluster) };

    /// <summary>The entries, sorted by key, with aligned values.</summary>
    public static void Write(TextWriter writer, JsonElement configMap)
    {
        var data = configMap.At("data");
        var pairs = data.ValueKind == JsonValueKind.Object
            ? data.EnumerateObject().Select(pair => (Key: pair.Name, Value: pair.Value.GetString() ?? "")).OrderBy(pair => pair.Key, StringComparer.Ordinal).ToArray()
            : [];
        var width = pairs.Select(pair => pair.Key.Length).DefaultIfEmpty().Max() + Spacing;
        foreach (var (key, value) in pairs)
        {
            writer.WriteLine($"{key.PadRight(width)}{value}".TrimEnd());
        }
    }

    private static Command View(ClusterOptions cluster)
    {
        var command = new Command("view", "View current configuration");
        command.SetAction((arguments, cancellationToken) => ClusterOptions.Run(arguments, async () =>
        {
            using var connection = cluster.Open(arguments);
            Write(arguments.InvocationConfiguration.Output, await connection.GetAsync(Path(cluster, arguments), cancellationToken));
            return 0;
        }));
        return command;
    }

    private static Command Set(ClusterOptions cluster)
    {
        var key = new Argument<string>("key");
        var value = new Argument<string>("value");
        var restart = new Option<bool>("--restart", "-r") { Description = "Restart Cilium pods (default true).", DefaultValueFactory = _ => true };
        var command = new Command("set", "Set/change configuration key") { key, value, restart };
        command.SetAction((arguments, cancellationToken) => ClusterOptions.Run(
            arguments,
            () => ChangeAsync(cluster, arguments, arguments.GetValue(key)!, arguments.GetValue(value)!, arguments.GetValue(restart), cancellationToken)));
        return command;
    }

    private static Command Delete(ClusterOptions cluster)
    {
        var key = new Argument<string>("key");
        var restart = new Option<bool>("--restart", "-r") { Description = "Restart Cilium pods (default true).", DefaultValueFactory = _ => true };
        var command = new Command("delete", "Delete configuration key") { key, restart };
        command.SetAction((arguments, cancellationToken) => ClusterOptions.Run(
            arguments, () => ChangeAsync(cluster, arguments, arguments.GetValue(key)!, null, arguments.GetValue(restart), cancellationToken)));
        return command;
    }

    private static async Task<int> ChangeAsync(
        ClusterOptions cluster, ParseResult arguments, string key, string? value, bool isRestarting, CancellationToken cancellationToken)
    {
        using var connection = cluster.Open(arguments);
        var writer = arguments.InvocationConfiguration.Output;
        writer.WriteLine(value is null ? $"🔥 Removing key {key} from ConfigMap {ConfigMap}..." : $"✨ Patching ConfigMap {ConfigMap} with {key}={value}...");
        var text = value is null ? "null" : $"\"{JsonEncodedText.Encode(value)}\"";
        await connection.MergeAsync(Path(cluster, arguments), $"{{\"data\":{{\"{JsonEncodedText.Encode(key)}\":{text}}}}}", cancellationToken);
        if (isRestarting)
        {
            writer.WriteLine("♻️  Restarting Cilium pods...");
            await connection.DeleteAsync($"api/v1/namespaces/{cluster.Namespace(arguments)}/pods?labelSelector=k8s-app%3Dcilium", cancellationToken);
            writer.WriteLine("♻️  Restarted Cilium pods");
        }

        return 0;
    }

    private static string Path(ClusterOptions cluster, ParseResult arguments) => $"api/v1/namespaces/{cluster.Namespace(arguments)}/configmaps/{ConfigMap}";
}
