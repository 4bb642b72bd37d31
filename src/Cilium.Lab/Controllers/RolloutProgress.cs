using System.Globalization;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Controllers;

/// <summary>How a Deployment's rollout comes along, as its condition Progressing tells it: one that stands still for too long has failed.</summary>
internal sealed class RolloutProgress(JsonObject deployment, string current, int total, int updated, int available)
{
    private const string Complete = "NewReplicaSetAvailable";
    private const string Paused = "DeploymentPaused";
    private const string TimedOut = "ProgressDeadlineExceeded";
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1); // that of the API's times

    private long? DeadlineSeconds => deployment.Number("spec", "progressDeadlineSeconds") is { } seconds and < int.MaxValue ? seconds : null;

    /// <summary>The condition that takes the place of the one in a status whose numbers are those of the last look.</summary>
    public JsonObject Condition(JsonObject status, bool isComplete, TimeProvider clock)
    {
        var before = status.Items("conditions").FirstOrDefault(condition => condition.Text("type") == "Progressing");
        var (reason, now) = (before.Text("reason"), clock.Stamp());
        if (deployment.Flag("spec", "paused"))
            return Dated("Unknown", Paused, "Deployment is paused", reason == Paused ? before.TextOr(now, "lastUpdateTime") : now, now);
        if (isComplete)
            return Dated("True", Complete, $"ReplicaSet \"{current}\" has successfully progressed.", reason == Complete ? before.TextOr(now, "lastUpdateTime") : now, now);

        var since = HasMoved(before, status) ? now : before.TextOr(now, "lastUpdateTime");
        if (since != now && (reason == TimedOut || RestSince(since, clock) <= TimeSpan.Zero)) return Dated("False", TimedOut, $"ReplicaSet \"{current}\" has timed out progressing.", since, now);
        return Dated("True", "ReplicaSetUpdated", $"ReplicaSet \"{current}\" is progressing.", since, now);
    }

    /// <summary>When a condition that is true now may be no longer; null for never.</summary>
    public TimeSpan? Rest(JsonObject condition, TimeProvider clock) =>
        condition.Text("reason") == "ReplicaSetUpdated" ? RestSince(condition.TextOr("", "lastUpdateTime"), clock) : null;

    private TimeSpan? RestSince(string since, TimeProvider clock) =>
        DateTimeOffset.TryParse(since, CultureInfo.InvariantCulture, out var began) && DeadlineSeconds is { } seconds
            ? began + TimeSpan.FromSeconds(seconds) + Second - clock.GetUtcNow()
            : null;

    private bool HasMoved(JsonNode? before, JsonObject status)
    {
        var (oldTotal, oldUpdated) = (status.Number("replicas") ?? 0, status.Number("updatedReplicas") ?? 0);
        return before.Text("reason") is null or Complete or Paused
            || !before.TextOr("", "message").Contains($"\"{current}\"", StringComparison.Ordinal)
            || updated > oldUpdated || total - updated < oldTotal - oldUpdated || available > (status.Number("availableReplicas") ?? 0);
    }

    private static JsonObject Dated(string status, string reason, string message, string since, string now) => new()
    {
        ["type"] = "Progressing",
        ["status"] = status,
        ["reason"] = reason,
        ["message"] = message,
        ["lastUpdateTime"] = since,
        ["lastTransitionTime"] = now,
    };
}
