using System.Diagnostics;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Nodes;

internal enum ContainerPhase : byte
{
    Waiting,
    Running,
    Terminated,
}

/// <summary>What a node knows about one container of a pod. Guarded by its pod's worker.</summary>
internal sealed class ContainerRecord(string name, string image, bool isInit, bool isSidecar = false)
{
    private readonly TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Name => name;

    public string Image => image;

    /// <summary>Whether it runs before the pod's containers; a sidecar goes on beside them.</summary>
    public bool IsInit => isInit;

    /// <summary>Whether it is an init container that is always restarted: the next one waits for its start only, and the pod's end not for its own.</summary>
    public bool IsSidecar => isSidecar;

    /// <summary>Completes when it has started for the first time.</summary>
    public Task Started => started.Task;

    /// <summary>Set on a sidecar whose pod has done its work: it is not restarted.</summary>
    public bool IsEnding { get; set; }

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

    /// <summary>The records of a pod's containers in the order of their start.</summary>
    public static IEnumerable<ContainerRecord> AllOf(JsonObject pod) =>
    [
        .. pod.Items("spec", "initContainers").Select(container => new ContainerRecord(
            container.TextOr("", "name"), container.TextOr("", "image"), isInit: true, isSidecar: container.Text("restartPolicy") == "Always")),
        .. pod.Items("spec", "containers").Select(container => new ContainerRecord(container.TextOr("", "name"), container.TextOr("", "image"), isInit: false)),
    ];

    /// <summary>What a pod's specification says of this container.</summary>
    public JsonNode DefinitionIn(JsonObject pod) => pod.Items("spec", isInit ? "initContainers" : "containers").First(item => item.Text("name") == name);

    public void MarkStarted()
    {
        IsStarted = true;
        started.TrySetResult();
    }

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
