using System.Text.Json;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Netlink;

namespace Cilium.Lab.Nodes;

/// <summary>Calls the CNI plugins that a node's configuration lists, in the node's network namespace.</summary>
internal sealed class CniRuntime(LabLayout layout, string node)
{
    private const string Interface = "eth0";
    private static readonly TimeSpan ConfigurationPoll = TimeSpan.FromMilliseconds(50);

    public string ConfigurationFolder => Path.Combine(layout.NodeFolder(node), "cni", "net.d");

    public string BinaryFolder => Path.Combine(layout.NodeFolder(node), "cni", "bin");

    /// <summary>The first configuration list by name, or null when there is none yet.</summary>
    public string? FindConfiguration() => Directory.Exists(ConfigurationFolder)
        ? Directory.EnumerateFiles(ConfigurationFolder)
            .Where(file => file.EndsWith(".conflist", StringComparison.Ordinal) || file.EndsWith(".conf", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).FirstOrDefault()
        : null;

    public async Task WaitForConfigurationAsync(TimeProvider clock, CancellationToken cancel)
    {
        while (FindConfiguration() is null) await Task.Delay(ConfigurationPoll, clock, cancel);
    }

    /// <exception cref="CniFailureException">A plugin refused.</exception>
    public async Task<CniResult> AddAsync(JsonObject pod, string containerId, string podNamespace, CancellationToken cancel)
    {
        var list = ReadConfiguration();
        JsonObject? previous = null;
        foreach (var plugin in list.Items("plugins"))
        {
            var output = await CallAsync("ADD", list, plugin, previous, pod, containerId, podNamespace, cancel);
            previous = Parse(output) ?? throw new CniFailureException($"plugin {plugin.Text("type")} printed no result");
        }

        if (previous is null) throw new CniFailureException("the network configuration lists no plugin");
        await File.WriteAllTextAsync(ResultFile(pod), previous.ToJsonString(), cancel);
        return new CniResult([.. previous.Items("ips").Select(ip => ip.TextOr("", "address").Split('/')[0])], previous);
    }

    /// <exception cref="CniFailureException">A plugin refused.</exception>
    public async Task DeleteAsync(JsonObject pod, string containerId, string podNamespace, CancellationToken cancel)
    {
        if (FindConfiguration() is null) return;
        var list = ReadConfiguration();
        var file = ResultFile(pod);
        var previous = File.Exists(file) ? Parse(await File.ReadAllTextAsync(file, cancel)) : null;
        foreach (var plugin in list.Items("plugins").Reverse())
            await CallAsync("DEL", list, plugin, previous, pod, containerId, podNamespace, cancel);
    }

    private async Task<string> CallAsync(
        string command, JsonObject list, JsonNode plugin, JsonObject? previous, JsonObject pod, string containerId, string podNamespace, CancellationToken cancel)
    {
        var type = plugin.TextOr("", "type");
        var executable = Path.Combine(BinaryFolder, type);
        if (!File.Exists(executable)) throw new CniFailureException($"failed to find plugin \"{type}\" in path [{BinaryFolder}]");
        var configuration = ((JsonObject)plugin).Copy();
        configuration["name"] = list.Text("name");
        configuration["cniVersion"] = list.TextOr("0.3.1", "cniVersion");
        if (previous is not null) configuration["prevResult"] = previous.Copy();
        var environment = new Dictionary<string, string>
        {
            ["CNI_COMMAND"] = command,
            ["CNI_CONTAINERID"] = containerId,
            ["CNI_NETNS"] = NetworkNamespace.PathOf(podNamespace),
            ["CNI_IFNAME"] = Interface,
            ["CNI_PATH"] = BinaryFolder,
            ["CNI_ARGS"] = $"IgnoreUnknown=1;K8S_POD_NAMESPACE={pod.Namespace()};K8S_POD_NAME={pod.Name()};K8S_POD_INFRA_CONTAINER_ID={containerId};K8S_POD_UID={pod.Uid()}",
        };
        var result = await Shell.RunAsync(
            [executable], cancel, configuration.ToJsonString(), environment, NetworkNamespace.PathOf(layout.NodeNamespace(node)));
        if (result.Succeeded) return result.Output;
        var error = Parse(result.Output);
        throw new CniFailureException(error.Text("msg") is { } message
            ? $"plugin type=\"{type}\" failed ({command.ToLowerInvariant()}): {message}{(error.Text("details") is { Length: > 0 } details ? $"; {details}" : "")}"
            : $"plugin type=\"{type}\" failed ({command.ToLowerInvariant()}): {result.Reason}");
    }

    private JsonObject ReadConfiguration()
    {
        var file = FindConfiguration() ?? throw new CniFailureException("cni plugin not initialized");
        var configuration = Parse(File.ReadAllText(file)) ?? throw new CniFailureException($"{file} is no JSON object");
        return configuration["plugins"] is null
            ? new JsonObject { ["name"] = configuration.Text("name"), ["cniVersion"] = configuration.Text("cniVersion"), ["plugins"] = new JsonArray(configuration) }
            : configuration;
    }

    private string ResultFile(JsonObject pod) => Path.Combine(layout.PodFolder(node, pod.Uid()), "cni-result.json");

    private static JsonObject? Parse(string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
