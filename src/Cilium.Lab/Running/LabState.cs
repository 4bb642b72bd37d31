using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Running;

internal enum LabPhase : byte
{
    Starting,
    Ready,
    Failed,
}

/// <summary>What a lab's process tells others about itself.</summary>
internal sealed record LabState(int ProcessId, string ProcessStart, LabPhase Phase, string Message, string Server)
{
    /// <summary>The state written last, or null when there is none.</summary>
    public static LabState? Read(string file)
    {
        try
        {
            var json = JsonNode.Parse(File.ReadAllText(file));
            return new LabState(
                (int)(json.Number("pid") ?? 0), json.TextOr("", "start"), Enum.Parse<LabPhase>(json.TextOr("Starting", "phase")), json.TextOr("", "message"), json.TextOr("", "server"));
        }
        catch (Exception absent) when (absent is IOException or JsonException or ArgumentException)
        {
            return null;
        }
    }

    public void Write(string file)
    {
        var json = new JsonObject
        {
            ["pid"] = ProcessId,
            ["start"] = ProcessStart,
            ["phase"] = Phase.ToString(),
            ["message"] = Message,
            ["server"] = Server,
        };
        File.WriteAllText(file + ".new", json.ToJsonString());
        File.Move(file + ".new", file, overwrite: true);
    }

    /// <summary>Whether the process that wrote this still runs: its number may have gone to another since.</summary>
    public bool IsAlive => ProcessId > 0 && StartOf(ProcessId) == ProcessStart;

    /// <summary>The kernel's start time of a process, empty when there is none.</summary>
    public static string StartOf(int processId)
    {
        try
        {
            var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] == "Z" ? "" : fields[19];
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
