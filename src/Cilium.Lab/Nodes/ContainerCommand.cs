using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Nodes;

/// <summary>Turns a container's image, command and arguments into what is executed.</summary>
internal sealed class ContainerCommand(string zoneFile, IAgentCommands agents)
{
    /// <exception cref="UnknownImageException">The lab has no workload of that name.</exception>
    public async Task<IReadOnlyList<string>> BuildAsync(
        string node, JsonObject pod, JsonNode container, IDictionary<string, string> environment, CancellationToken cancel)
    {
        var reference = container.TextOr("", "image");
        var image = WorkloadImage.Find(reference) ?? throw new UnknownImageException(reference);
        var variables = new Dictionary<string, string>(environment);
        var command = container.Items("command").Select(word => ContainerEnvironment.Expand(word.Display(), variables)).ToList();
        var arguments = container.Items("args").Select(word => ContainerEnvironment.Expand(word.Display(), variables)).ToList();
        switch (image.Kind)
        {
            case ImageKind.Agent when command.Count == 0 || command[0].EndsWith("cilium-agent", StringComparison.Ordinal):
                return await agents.AgentAsync(node, environment, cancel);
            case ImageKind.Operator:
                return await agents.OperatorAsync(node, environment, cancel);
            case ImageKind.Server when command.Count == 0 || command[0] == "/agnhost":
                return
                [
                    Environment.ProcessPath!, "workload", image.Server, "--port", $"{image.Port}", "--zone", zoneFile, "--",
                    .. command.Skip(1), .. arguments,
                ];
            case ImageKind.Toolbox when command.Count == 0 && arguments.Count == 0:
                return ["sleep", "infinity"];
            default:
                return Sleepless([.. command, .. arguments]);
        }
    }

    /// <summary>BusyBox sleeps forever for anything that starts with <c>inf</c>; the machine's own sleep knows one word only.</summary>
    private static List<string> Sleepless(List<string> command)
    {
        if (command is [var sleep, var time] && sleep.EndsWith("sleep", StringComparison.Ordinal) && time.StartsWith("inf", StringComparison.Ordinal))
            return [sleep, "infinity"];
        return command;
    }
}

/// <summary>Command lines of the shipped agent and operator on a node.</summary>
internal interface IAgentCommands
{
    Task<IReadOnlyList<string>> AgentAsync(string node, IDictionary<string, string> environment, CancellationToken cancel);

    Task<IReadOnlyList<string>> OperatorAsync(string node, IDictionary<string, string> environment, CancellationToken cancel);
}

/// <summary>An image that stands for no workload of the lab.</summary>
internal sealed class UnknownImageException(string reference) : Exception($"the lab has no workload for image \"{reference}\"");
