using System.Text.Json;
using Cilium.Api;

namespace Cilium.Hosts.Cni.Spec;

/// <summary>What the runtime sends on standard input: our entry of the conflist with what the specification adds.</summary>
internal sealed record NetworkConfiguration
{
    public string CniVersion { get; init; } = "0.3.1";

    public string Name { get; init; } = "";

    /// <summary>The agent's socket: key <c>socket-path</c>, which the agent writes when it is not the default.</summary>
    public string SocketPath { get; init; } = AgentClient.DefaultSocketPath;

    public string LogFile { get; init; } = "";

    /// <summary>The result of the ADD (for CHECK and DEL) or of the plugin before us, as JSON; empty when there is none.</summary>
    public byte[] PreviousResult { get; init; } = [];

    /// <summary>For GC: the attachments that are still in use; null when nothing is said of them.</summary>
    public IReadOnlyList<(string ContainerId, string InterfaceName)>? ValidAttachments { get; init; }

    /// <summary>Where deletions wait for the agent.</summary>
    public string StateDirectory => Path.GetDirectoryName(SocketPath) ?? "/var/run/cilium";

    /// <summary>Reads the configuration.</summary>
    /// <exception cref="CniException">Code 6 for what is no JSON, 7 for a field of the wrong kind.</exception>
    public static NetworkConfiguration Parse(ReadOnlyMemory<byte> input, Func<string, string?> environment)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(input);
        }
        catch (JsonException exception)
        {
            throw new CniException(CniErrorCode.Decoding, "the network configuration is not valid JSON", exception.Message, exception);
        }

        using (document)
        {
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw new CniException(CniErrorCode.Decoding, "the network configuration is not a JSON object");
            }

            var socket = environment(AgentClient.SocketVariable) is { Length: > 0 } variable
                ? variable
                : Text(root, "socket-path", AgentClient.DefaultSocketPath);
            return new NetworkConfiguration
            {
                CniVersion = Text(root, "cniVersion", "0.3.1"),
                Name = Text(root, "name", ""),
                SocketPath = socket.StartsWith("unix://", StringComparison.Ordinal) ? socket["unix://".Length..] : socket,
                LogFile = Text(root, "log-file", ""),
                PreviousResult = root.TryGetProperty("prevResult", out var previous) && previous.ValueKind == JsonValueKind.Object
                    ? System.Text.Encoding.UTF8.GetBytes(previous.GetRawText())
                    : [],
                ValidAttachments = Attachments(root),
            };
        }
    }

    private static string Text(JsonElement root, string key, string absent)
    {
        if (!root.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return absent;
        }

        return value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw new CniException(CniErrorCode.InvalidConfiguration, $"'{key}' must be a string, not {value.ValueKind}");
    }

    private static List<(string, string)>? Attachments(JsonElement root)
    {
        // The first text of 1.1.0 had the second name, and there are runtimes that send that one only.
        var key = "cni.dev/valid-attachments";
        if (!root.TryGetProperty(key, out var list) && !root.TryGetProperty(key = "cni.dev/attachments", out list))
        {
            return null;
        }

        var attachments = new List<(string, string)>();
        if (list.ValueKind == JsonValueKind.Null)
        {
            // How runtimes in Go write an empty list.
            return attachments;
        }

        if (list.ValueKind != JsonValueKind.Array)
        {
            throw new CniException(CniErrorCode.InvalidConfiguration, $"'{key}' must be a list");
        }

        foreach (var entry in list.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Object)
            {
                throw new CniException(CniErrorCode.InvalidConfiguration, $"'{key}' must be a list of objects");
            }

            attachments.Add((Text(entry, "containerID", ""), Text(entry, "ifname", "")));
        }

        return attachments;
    }
}
