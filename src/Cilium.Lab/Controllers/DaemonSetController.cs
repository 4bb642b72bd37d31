using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>Keeps one pod of each DaemonSet on each node it selects.</summary>
internal sealed class DaemonSetController(ClusterState state)
{
    private const string HashLabel = "controller-revision-hash";
    private readonly EventRecorder events = new(state, "daemonset-controller");

    private static readonly string[] Tolerated =
    [
        "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "node.kubernetes.io/unschedulable", "node.kubernetes.io/network-unavailable",
    ];

    public Task RunAsync(CancellationToken cancel) => new WorkLoop(
        state, "daemonset", [BuiltInKinds.DaemonSets, BuiltInKinds.Pods, BuiltInKinds.Nodes],
        change => change.Object.Key.Resource == BuiltInKinds.DaemonSets ? [change.Object.Key]
            : change.Object.Key.Resource == BuiltInKinds.Nodes ? state.Store.List(BuiltInKinds.DaemonSets).Objects.Select(set => set.Key)
            : PodTemplates.ControllerKey(change.Object.Json, "DaemonSet", BuiltInKinds.DaemonSets),
        Reconcile).RunAsync(cancel);

    private void Reconcile(ObjectKey key)
    {
        if (state.Store.Get(key)?.Json is not { } set || set.IsDeleting()) return;
        var template = set.Members("spec", "template")!.Copy();
        Tolerate(template.Ensure("spec"));
        var hash = PodTemplates.Hash(set.At("spec", "template"));
        var pods = PodTemplates.Owned(state, BuiltInKinds.Pods, set);
        var nodes = state.Store.All(BuiltInKinds.Nodes)
            .Where(node => NodeFit.Selects(template.Members("spec"), node) && NodeFit.Intolerable(template.Members("spec"), node, "NoSchedule", "NoExecute") is null)
            .Select(node => node.Name()).ToHashSet();
        foreach (var pod in pods.Where(pod => !pod.IsDeleting()).ToList())
        {
            var misplaced = !nodes.Contains(pod.TextOr("", "spec", "nodeName"));
            if (misplaced || pod.Text("status", "phase") is "Failed" or "Succeeded") Delete(set, pod);
        }

        foreach (var node in nodes.Order(StringComparer.Ordinal))
        {
            if (pods.Any(pod => pod.Text("spec", "nodeName") == node)) continue;
            var pod = PodTemplates.CreatePod(state, set, template, new Dictionary<string, string> { [HashLabel] = hash }, node);
            events.Normal(set, "SuccessfulCreate", $"Created pod: {pod.Name()}");
        }

        if (set.Text("spec", "updateStrategy", "type") != "OnDelete") ReplaceOutdated(set, pods, nodes.Count, hash);
        Report(key, set, nodes, hash);
    }

    /// <summary>Deletes pods of older templates, never more at once than may be unavailable.</summary>
    private void ReplaceOutdated(JsonObject set, List<JsonObject> pods, int nodes, string hash)
    {
        var allowed = (int)(set.Number("spec", "updateStrategy", "rollingUpdate", "maxUnavailable") ?? 1);
        var down = nodes - pods.Count(pod => !pod.IsDeleting() && PodTemplates.IsReady(pod));
        foreach (var pod in pods.Where(pod => !pod.IsDeleting() && pod.Labels().Text(HashLabel) != hash).OrderBy(PodTemplates.IsReady))
        {
            if (PodTemplates.IsReady(pod))
            {
                if (down >= allowed) return;
                down++;
            }

            Delete(set, pod);
        }
    }

    private void Delete(JsonObject set, JsonObject pod)
    {
        state.Delete(BuiltInKinds.Pods, pod.Namespace(), pod.Name());
        events.Normal(set, "SuccessfulDelete", $"Deleted pod: {pod.Name()}");
    }

    private void Report(ObjectKey key, JsonObject set, HashSet<string> nodes, string hash)
    {
        var pods = PodTemplates.Owned(state, BuiltInKinds.Pods, set).Where(pod => !pod.IsDeleting()).ToList();
        var ready = pods.Count(PodTemplates.IsReady);
        state.ChangeStatus(key.Resource, key.Namespace, key.Name, status =>
        {
            status["observedGeneration"] = set.Number("metadata", "generation") ?? 1;
            status["desiredNumberScheduled"] = nodes.Count;
            status["currentNumberScheduled"] = pods.Count(pod => nodes.Contains(pod.TextOr("", "spec", "nodeName")));
            status["numberMisscheduled"] = pods.Count(pod => !nodes.Contains(pod.TextOr("", "spec", "nodeName")));
            status["numberReady"] = ready;
            status["numberAvailable"] = ready;
            status["numberUnavailable"] = Math.Max(0, nodes.Count - ready);
            status["updatedNumberScheduled"] = pods.Count(pod => pod.Labels().Text(HashLabel) == hash);
        });
    }

    private static void Tolerate(JsonObject spec)
    {
        if (spec["tolerations"] is not JsonArray tolerations) spec["tolerations"] = tolerations = [];
        foreach (var key in Tolerated) tolerations.Add((JsonNode)new JsonObject { ["key"] = key, ["operator"] = "Exists" });
    }
}
