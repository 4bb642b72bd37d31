using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Cilium.Lab.Nodes;

internal enum ContainerPhase : byte
{
    Waiting,
    Running,
    Terminated,
}

/// <summary>What a node knows about one container of a pod. Guarded by its pod's worker.</summary>
internal sealed class ContainerRecord(string name, string image, bool isInit)
{
    public string Name => name;

    public string Image => image;

    public bool IsInit => isInit;

    public ContainerPhase Phase { get; set; }

    /// <summary>Why it waits or how it ended.</summary>
    public string Reason { get; set; } = isInit ? "PodInitializing" : "ContainerCreating";

    public string Message { get; set; } = "";

    public string StartedAt { get; set; } = "";

    public string FinishedAt { get; set; } = "";

    public int ExitCode { get; set; }

    public int RestartCount { get; set; }

    public bool IsReady { get; set; }

    public bool IsStarted { get; set; }

    public Process? Process { get; set; }

    public JsonObject? LastState { get; set; }

    public JsonObject ToStatus(string containerId)
    {
        var status = new JsonObject
        {
            ["name"] = name,
            ["image"] = image,
            ["imageID"] = image,
            ["ready"] = IsReady,
            ["started"] = IsStarted,
            ["restartCount"] = RestartCount,
            ["state"] = StateDocument(),
            ["lastState"] = LastState?.DeepClone() ?? new JsonObject(),
        };
        if (Phase != ContainerPhase.Waiting || LastState is not null) status["containerID"] = $"lab://{containerId}-{name}-{RestartCount}";
        return status;
    }

    public JsonObject StateDocument() => Phase switch
    {
        ContainerPhase.Running => new JsonObject { ["running"] = new JsonObject { ["startedAt"] = StartedAt } },
        ContainerPhase.Terminated => new JsonObject
        {
            ["terminated"] = new JsonObject { ["exitCode"] = ExitCode, ["reason"] = Reason, ["startedAt"] = StartedAt, ["finishedAt"] = FinishedAt },
        },
        _ => new JsonObject { ["waiting"] = Message.Length > 0 ? new JsonObject { ["reason"] = Reason, ["message"] = Message } : new JsonObject { ["reason"] = Reason } },
    };
}
