using System.Globalization;
using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>Rolls each Deployment out through ReplicaSets, one per template.</summary>
internal sealed class DeploymentController(ClusterState state)
{
    private const string HashLabel = "pod-template-hash";
    private const string Revision = "deployment.kubernetes.io/revision";
    private readonly EventRecorder events = new(state, "deployment-controller");
    private WorkLoop? loop;

    public Task RunAsync(CancellationToken cancel)
    {
        loop = new WorkLoop(
            state, "deployment", [BuiltInKinds.Deployments, BuiltInKinds.ReplicaSets],
            change => change.Object.Key.Resource == BuiltInKinds.Deployments
                ? [change.Object.Key]
                : PodTemplates.ControllerKey(change.Object.Json, "Deployment", BuiltInKinds.Deployments),
            Reconcile);
        return loop.RunAsync(cancel);
    }

    private void Reconcile(ObjectKey key)
    {
        if (state.Store.Get(key)?.Json is not { } deployment || deployment.IsDeleting()) return;
        var sets = PodTemplates.Owned(state, BuiltInKinds.ReplicaSets, deployment);
        var hash = PodTemplates.Hash(deployment.At("spec", "template"));
        var current = sets.FirstOrDefault(set => set.Labels().Text(HashLabel) == hash);
        var old = sets.Where(set => !ReferenceEquals(set, current)).ToList();
        if (!deployment.Flag("spec", "paused"))
        {
            current = Newest(deployment, current, old, hash);
            if (deployment.Text("spec", "strategy", "type") == "Recreate") Recreate(deployment, current, old);
            else Roll(deployment, current, old);
            Forget(deployment, old);
        }
        else Resize(deployment, current, old);

        Report(key, deployment, current?.Name());
    }

    private JsonObject Newest(JsonObject deployment, JsonObject? current, List<JsonObject> old, string hash)
    {
        var last = old.Select(RevisionOf).DefaultIfEmpty(0).Max();
        if (current is not null)
        {
            if (RevisionOf(current) <= last) current = SetRevision(BuiltInKinds.ReplicaSets, current, last + 1);
        }
        else
        {
            var template = deployment.Members("spec", "template")!.Copy();
            template.Ensure("metadata", "labels")[HashLabel] = hash;
            var selector = deployment.Members("spec", "selector")!.Copy();
            selector.Ensure("matchLabels")[HashLabel] = hash;
            current = state.Create(BuiltInKinds.ReplicaSets, deployment.Namespace(), new JsonObject
            {
                ["metadata"] = new JsonObject
                {
                    ["name"] = $"{deployment.Name()}-{hash}",
                    ["labels"] = template.Members("metadata", "labels")!.Copy(),
                    ["annotations"] = new JsonObject { [Revision] = (last + 1).ToString(CultureInfo.InvariantCulture) },
                    ["ownerReferences"] = new JsonArray(Metadata.OwnerReference(deployment)),
                },
                ["spec"] = new JsonObject { ["replicas"] = 0, ["selector"] = selector, ["template"] = template },
            });
        }

        SetRevision(BuiltInKinds.Deployments, deployment, RevisionOf(current));
        return current;
    }

    private void Roll(JsonObject deployment, JsonObject current, List<JsonObject> old)
    {
        var wanted = Replicas(deployment);
        var surge = Portion(deployment.At("spec", "strategy", "rollingUpdate", "maxSurge"), wanted, roundUp: true);
        var unavailable = Portion(deployment.At("spec", "strategy", "rollingUpdate", "maxUnavailable"), wanted, roundUp: false);
        if (surge == 0 && unavailable == 0) unavailable = 1;
        var have = Replicas(current);
        var total = have + old.Sum(Replicas);
        if (have > wanted) Scale(deployment, current, wanted);
        else if (have < wanted)
        {
            var room = Math.Max(0, wanted + surge - total);
            if (room > 0) Scale(deployment, current, have + Math.Min(room, wanted - have));
        }

        var least = wanted - unavailable;
        var spare = total - least - (have - Available(current));
        var healthy = Available(current) + old.Sum(Available) - least;
        foreach (var set in old.Where(set => Replicas(set) > 0).OrderBy(set => Available(set) > 0).ThenBy(RevisionOf))
        {
            var broken = Math.Clamp(Replicas(set) - Available(set), 0, Math.Max(0, spare));
            var sound = Math.Clamp(Math.Min(spare - broken, healthy), 0, Available(set));
            if (broken + sound == 0) continue;
            Scale(deployment, set, Replicas(set) - broken - sound);
            spare -= broken + sound;
            healthy -= sound;
        }
    }

    /// <summary>What a paused Deployment still follows is its size: all its sets together have it, each its share of what was.</summary>
    private void Resize(JsonObject deployment, JsonObject? current, List<JsonObject> old)
    {
        var wanted = Replicas(deployment);
        List<JsonObject> sets = [.. current is null ? (JsonObject[])[] : [current], .. old.OrderByDescending(RevisionOf)];
        var active = sets.Where(set => Replicas(set) > 0).OrderByDescending(Replicas).ToList();
        if (active.Count <= 1)
        {
            if (active.Concat(sets).FirstOrDefault() is { } only) Scale(deployment, only, wanted);
            return;
        }

        if (deployment.Text("spec", "strategy", "type") == "Recreate") return;
        var total = active.Sum(Replicas);
        var allowed = wanted == 0 ? 0 : wanted + Portion(deployment.At("spec", "strategy", "rollingUpdate", "maxSurge"), wanted, roundUp: true);
        var sizes = active.ConvertAll(set => (int)((long)Replicas(set) * allowed / total));
        sizes[0] += allowed - sizes.Sum();
        foreach (var (set, size) in active.Zip(sizes)) Scale(deployment, set, size);
    }

    private void Recreate(JsonObject deployment, JsonObject current, List<JsonObject> old)
    {
        foreach (var set in old.Where(set => Replicas(set) > 0)) Scale(deployment, set, 0);
        if (old.All(set => PodTemplates.Owned(state, BuiltInKinds.Pods, set).Count == 0)) Scale(deployment, current, Replicas(deployment));
    }

    private void Scale(JsonObject deployment, JsonObject set, int replicas)
    {
        var before = Replicas(set);
        if (before == replicas) return;
        state.Change(BuiltInKinds.ReplicaSets, set.Namespace(), set.Name(), item => item.Ensure("spec")["replicas"] = replicas);
        events.Normal(deployment, "ScalingReplicaSet", $"Scaled {(replicas > before ? "up" : "down")} replica set {set.Name()} from {before} to {replicas}");
    }

    private void Forget(JsonObject deployment, List<JsonObject> old)
    {
        var limit = (int)(deployment.Number("spec", "revisionHistoryLimit") ?? 10);
        var idle = old.Where(set => Replicas(set) == 0 && (set.Number("status", "replicas") ?? 0) == 0).OrderBy(RevisionOf).ToList();
        foreach (var set in idle.Take(Math.Max(0, idle.Count - limit))) state.Delete(BuiltInKinds.ReplicaSets, set.Namespace(), set.Name());
    }

    private void Report(ObjectKey key, JsonObject deployment, string? currentName)
    {
        var sets = PodTemplates.Owned(state, BuiltInKinds.ReplicaSets, deployment);
        var current = sets.FirstOrDefault(set => set.Name() == currentName);
        var wanted = Replicas(deployment);
        var total = sets.Sum(set => (int)(set.Number("status", "replicas") ?? 0));
        var updated = (int)(current.Number("status", "replicas") ?? 0);
        var available = sets.Sum(Available);
        var least = wanted - Portion(deployment.At("spec", "strategy", "rollingUpdate", "maxUnavailable"), wanted, roundUp: false);
        var complete = updated == wanted && total == wanted && available == wanted;
        var now = state.Clock.Stamp();
        TimeSpan? rest = null;
        state.ChangeStatus(key.Resource, key.Namespace, key.Name, status =>
        {
            var progress = new RolloutProgress(deployment, currentName ?? "", total, updated, available);
            var progressing = progress.Condition(status, complete, state.Clock);
            rest = progress.Rest(progressing, state.Clock);
            status["observedGeneration"] = deployment.Number("metadata", "generation") ?? 1;
            status["replicas"] = total;
            status["updatedReplicas"] = updated;
            status["readyReplicas"] = available;
            status["availableReplicas"] = available;
            status["unavailableReplicas"] = Math.Max(0, wanted - available);
            Metadata.SetConditions(
                status,
                available >= least
                    ? Metadata.Condition("Available", true, "MinimumReplicasAvailable", "Deployment has minimum availability.", now)
                    : Metadata.Condition("Available", false, "MinimumReplicasUnavailable", "Deployment does not have minimum availability.", now),
                progressing);
        });
        if (rest is not null) loop?.LookAgain(key, rest.Value);
    }

    private JsonObject SetRevision(ResourceId resource, JsonObject item, long revision) =>
        state.Change(resource, item.Namespace(), item.Name(), draft =>
            draft.Ensure("metadata", "annotations")[Revision] = revision.ToString(CultureInfo.InvariantCulture)) ?? item;

    private static long RevisionOf(JsonObject item) =>
        long.TryParse(item.Text("metadata", "annotations", Revision), NumberStyles.None, CultureInfo.InvariantCulture, out var revision) ? revision : 0;

    private static int Replicas(JsonObject item) => (int)(item.Number("spec", "replicas") ?? 0);

    private static int Available(JsonObject item) => (int)(item.Number("status", "availableReplicas") ?? 0);

    /// <summary>A number, or a percentage of the replicas.</summary>
    private static int Portion(JsonNode? value, int replicas, bool roundUp)
    {
        if (value.AsNumber() is { } number) return (int)number;
        if (!double.TryParse(value.AsText()?.TrimEnd('%'), NumberStyles.Float, CultureInfo.InvariantCulture, out var percent)) return 0;
        return (int)(roundUp ? Math.Ceiling(replicas * percent / 100) : Math.Floor(replicas * percent / 100));
    }
}
