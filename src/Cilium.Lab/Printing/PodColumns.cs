using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Printing;

/// <summary>How pods print.</summary>
internal static class PodColumns
{
    public static readonly IReadOnlyList<TableColumn> All =
    [
        new("Name", (pod, _) => pod.Name()),
        new("Ready", (pod, _) => $"{pod.Items("status", "containerStatuses").Count(status => status.Flag("ready"))}/{pod.Items("spec", "containers").Count()}"),
        new("Status", (pod, _) => Status(pod)),
        new("Restarts", (pod, now) => Restarts(pod, now)),
        new("Age", (pod, now) => AgeText.Of(pod.Time("metadata", "creationTimestamp"), now)),
        new("IP", (pod, _) => pod.Text("status", "podIP") ?? "<none>", Wide: true),
        new("Node", (pod, _) => pod.Text("spec", "nodeName") ?? "<none>", Wide: true),
        new("Nominated Node", (pod, _) => pod.Text("status", "nominatedNodeName") ?? "<none>", Wide: true),
        new("Readiness Gates", (_, _) => "<none>", Wide: true),
    ];

    /// <summary>The one word kubectl shows: what holds the pod up, or its phase.</summary>
    public static string Status(JsonObject pod)
    {
        var reason = pod.Text("status", "reason") ?? pod.TextOr("Unknown", "status", "phase");
        foreach (var container in pod.Items("status", "containerStatuses"))
        {
            if (container.Text("state", "waiting", "reason") is { Length: > 0 } waiting) reason = waiting;
            else if (container.Text("state", "terminated", "reason") is { Length: > 0 } ended) reason = ended;
        }

        return pod.IsDeleting() ? "Terminating" : reason;
    }

    private static string Restarts(JsonObject pod, DateTimeOffset now)
    {
        var count = pod.Items("status", "containerStatuses").Sum(status => status.Number("restartCount") ?? 0);
        var last = pod.Items("status", "containerStatuses").Select(status => status.Time("lastState", "terminated", "finishedAt")).Max();
        return count > 0 && last is not null ? $"{count} ({AgeText.Of(last, now)} ago)" : $"{count}";
    }
}
