using System.CommandLine;
using System.Reflection;
using System.Text.Json;
using Cilium.Kubernetes;

namespace Cilium.Hosts.Cli;

/// <summary><c>cilium version</c>: of this program, and of the agents that run.</summary>
internal static class VersionCommand
{
    public static Command Create(ClusterOptions cluster)
    {
        var client = new Option<bool>("--client") { Description = "Print only the version of this program." };
        var command = new Command("version", "Display detailed version information") { client };
        command.SetAction((arguments, cancellationToken) => ClusterOptions.Run(arguments, async () =>
        {
            var writer = arguments.InvocationConfiguration.Output;
            var version = typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
            var release = $"v{version.Split('+')[0]}";
            writer.WriteLine($"cilium-cli: v{version} compiled with .NET {Environment.Version}");
            writer.WriteLine($"cilium image (default): {release}");
            writer.WriteLine($"cilium image (stable): {release}");
            if (!arguments.GetValue(client))
            {
                writer.WriteLine($"cilium image (running): {await RunningAsync(cluster, arguments, cancellationToken)}");
            }

            return 0;
        }));
        return command;
    }

    /// <summary>The tag of the agent's image.</summary>
    public static string Tag(JsonElement daemonSet)
    {
        var image = daemonSet.Items("spec", "template", "spec", "containers").Where(container => container.Text("name") == "cilium-agent")
            .Select(container => container.Text("image")).FirstOrDefault("");
        var name = image.Split('@')[0];
        var colon = name.LastIndexOf(':');
        return colon > name.LastIndexOf('/') ? name[(colon + 1)..].TrimStart('v') : image.Length == 0 ? "unknown" : "latest";
    }

    private static async Task<string> RunningAsync(ClusterOptions cluster, ParseResult arguments, CancellationToken cancellationToken)
    {
        try
        {
            using var connection = cluster.Open(arguments);
            return Tag(await connection.GetAsync($"apis/apps/v1/namespaces/{cluster.Namespace(arguments)}/daemonsets/cilium", cancellationToken));
        }
        catch (Exception error) when (error is KubernetesException or HttpRequestException or TimeoutException or IOException)
        {
            return $"unknown. Unable to obtain cilium version. Reason: {error.Message}";
        }
    }
}
