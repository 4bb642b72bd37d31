using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>Gives pods a node: one that fits, with the fewest pods of the same owner, then the fewest pods.</summary>
internal sealed class Scheduler(ClusterState state)
{
    private const int PodLimit = 250;
    private readonly EventRecorder events = new(state, "default-scheduler");

    public Task RunAsync(CancellationToken cancel) => new WorkLoop(
        state, "scheduler", [BuiltInKinds.Pods, BuiltInKinds.Nodes], Affected, Reconcile).RunAsync(cancel);

    private IEnumerable<ObjectKey> Affected(StoreChange change)
    {
        var pod = change.Object;
        if (pod.Key.Resource == BuiltInKinds.Pods && !MakesRoom(change)) return change.Type != ChangeType.Deleted && IsWaiting(pod.Json) ? [pod.Key] : [];
        return state.Store.List(BuiltInKinds.Pods).Objects.Where(other => IsWaiting(other.Json)).Select(other => other.Key);
    }

    /// <summary>Whether a pod counted on its node until now.</summary>
    private static bool MakesRoom(StoreChange change) =>
        change.Previous?.Json is { } before && PodTemplates.IsActive(before) && before.TextOr("", "spec", "nodeName").Length > 0
        && (change.Type == ChangeType.Deleted || !PodTemplates.IsActive(change.Object.Json));

    private void Reconcile(ObjectKey key)
    {
        if (state.Store.Get(key)?.Json is not { } pod || !IsWaiting(pod)) return;
        var spec = pod.Members("spec");
        var nodes = state.Store.All(BuiltInKinds.Nodes).ToList();
        var pods = state.Store.All(BuiltInKinds.Pods).Where(other => PodTemplates.IsActive(other)).ToList();
        var refusals = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var fitting = new List<JsonObject>();
        foreach (var node in nodes)
        {
            if (Refusal(spec, node, pods) is not { } refusal) fitting.Add(node);
            else refusals[refusal] = refusals.GetValueOrDefault(refusal) + 1;
        }

        if (fitting.Count == 0)
        {
            var reasons = refusals.Count == 0 ? "no nodes available to schedule pods" : string.Join(", ", refusals.Select(pair => $"{pair.Value} {pair.Key}"));
            var message = $"0/{nodes.Count} nodes are available: {reasons}.";
            if (pod.Items("status", "conditions").Any(condition => condition.Text("message") == message)) return;
            events.Warn(pod, "FailedScheduling", message);
            state.ChangeStatus(key.Resource, key.Namespace, key.Name, status =>
                Metadata.SetConditions(status, Metadata.Condition("PodScheduled", false, "Unschedulable", message, state.Clock.Stamp())));
            return;
        }

        var owner = pod.Controller().TextOr(pod.Uid(), "uid");
        var best = fitting
            .OrderBy(node => pods.Count(other => other.Text("spec", "nodeName") == node.Name() && other.Controller().Text("uid") == owner))
            .ThenBy(node => pods.Count(other => other.Text("spec", "nodeName") == node.Name()))
            .ThenBy(node => node.Labels()?.ContainsKey("node-role.kubernetes.io/control-plane") == true)
            .ThenBy(node => node.Name(), StringComparer.Ordinal)
            .First();
        state.Change(key.Resource, key.Namespace, key.Name, item => item.Ensure("spec")["nodeName"] = best.Name());
        state.ChangeStatus(key.Resource, key.Namespace, key.Name, status =>
            Metadata.SetConditions(status, Metadata.Condition("PodScheduled", true, "", "", state.Clock.Stamp())));
        events.Normal(pod, "Scheduled", $"Successfully assigned {key.Namespace}/{key.Name} to {best.Name()}");
    }

    private static bool IsWaiting(JsonObject pod) =>
        pod.TextOr("", "spec", "nodeName").Length == 0 && !pod.IsDeleting() && pod.TextOr("default-scheduler", "spec", "schedulerName") == "default-scheduler";

    private static string? Refusal(JsonObject? spec, JsonObject node, List<JsonObject> pods)
    {
        if (node.Flag("spec", "unschedulable") && NodeFit.Intolerable(spec, Cordoned, "NoSchedule") is not null) return "node(s) were unschedulable";
        if (!NodeFit.Selects(spec, node)) return "node(s) didn't match Pod's node affinity/selector";
        if (NodeFit.Intolerable(spec, node, "NoSchedule", "NoExecute") is { } taint)
            return $"node(s) had untolerated taint {{{taint.Text("key")}: {taint.TextOr("", "value")}}}";
        return pods.Count(pod => pod.Text("spec", "nodeName") == node.Name()) >= PodLimit ? "Too many pods" : null;
    }

    private static readonly JsonObject Cordoned = new()
    {
        ["spec"] = new JsonObject
        {
            ["taints"] = new JsonArray(new JsonObject { ["key"] = "node.kubernetes.io/unschedulable", ["effect"] = "NoSchedule" }),
        },
    };
}
