using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Registry;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>Deletes what the deleted owned, and lets go of owners that wait for their dependents.</summary>
internal sealed class GarbageCollector(ClusterState state)
{
    private readonly Dictionary<string, HashSet<ObjectKey>> dependents = [];

    public Task RunAsync(CancellationToken cancel) => new WorkLoop(
        state, "garbage", () => [.. state.Catalog.Kinds.Select(kind => kind.Id)], Affected, Reconcile, heard: _ => true).RunAsync(cancel);

    /// <summary>Besides those that a change leaves without an owner, owners that may have waited for it.</summary>
    private IEnumerable<ObjectKey> Affected(StoreChange change)
    {
        Index(change);
        var json = change.Object.Json;
        if (change.Type != ChangeType.Deleted)
            return json.IsDeleting() || (change.Type == ChangeType.Added && json.Items("metadata", "ownerReferences").Any()) ? [change.Object.Key] : [];
        var owners = json.Items("metadata", "ownerReferences").Select(reference => OwnerKey(reference, json.Namespace())).OfType<ObjectKey>();
        return dependents.Remove(json.Uid(), out var orphans) ? orphans.Concat(owners) : owners;
    }

    private void Reconcile(ObjectKey key)
    {
        if (state.Store.Get(key) is not { } item) return;
        if (item.Json.IsDeleting()) Finalize(item);
        else if (item.Json.Items("metadata", "ownerReferences").Any() && OwnersGone(item.Json))
            state.Delete(key.Resource, key.Namespace, key.Name, new DeleteOptions { Uid = item.Json.Uid() });
    }

    private void Index(StoreChange change)
    {
        foreach (var reference in (change.Previous?.Json).Items("metadata", "ownerReferences"))
        {
            if (dependents.TryGetValue(reference.TextOr("", "uid"), out var set)) set.Remove(change.Object.Key);
        }

        if (change.Type == ChangeType.Deleted) return;
        foreach (var reference in change.Object.Json.Items("metadata", "ownerReferences"))
        {
            var uid = reference.TextOr("", "uid");
            if (!dependents.TryGetValue(uid, out var set)) dependents[uid] = set = [];
            set.Add(change.Object.Key);
        }
    }

    private bool OwnersGone(JsonObject item) => item.Items("metadata", "ownerReferences").All(reference => Owner(reference, item.Namespace()) is null);

    private JsonObject? Owner(JsonNode reference, string ns) =>
        OwnerKey(reference, ns) is { } key && state.Store.Get(key)?.Json is { } owner && owner.Uid() == reference.Text("uid") ? owner : null;

    private ObjectKey? OwnerKey(JsonNode reference, string ns)
    {
        var version = reference.TextOr("", "apiVersion");
        var group = version.Contains('/', StringComparison.Ordinal) ? version.Split('/')[0] : "";
        return state.Catalog.FindByKind(group, reference.TextOr("", "kind")) is { } kind
            ? new ObjectKey(kind.Id, kind.Namespaced ? ns : "", reference.TextOr("", "name"))
            : null;
    }

    /// <summary>Serves the two finalizers that deletion policies put on an owner.</summary>
    private void Finalize(StoredObject owner)
    {
        var finalizers = owner.Json.Items("metadata", "finalizers").Select(item => item.Display()).ToList();
        var owned = dependents.GetValueOrDefault(owner.Json.Uid(), []).ToList();
        if (finalizers.Contains("orphan"))
        {
            foreach (var key in owned) state.Change(key.Resource, key.Namespace, key.Name, item => DropReference(item, owner.Json.Uid()));
            DropFinalizer(owner.Key, "orphan");
        }
        else if (finalizers.Contains("foregroundDeletion"))
        {
            // Those that do not block their owner go after it, as everything does that a background deletion leaves.
            var blocking = owned.Where(key => Blocks(key, owner.Json.Uid())).ToList();
            foreach (var key in blocking) DeleteInForeground(key, owner.Json.Uid());
            if (!blocking.Any(key => Blocks(key, owner.Json.Uid()))) DropFinalizer(owner.Key, "foregroundDeletion");
        }
    }

    /// <summary>Deletes a dependent with all that depends on it, unless another of its owners lives on.</summary>
    private void DeleteInForeground(ObjectKey key, string ownerUid)
    {
        if (state.Store.Get(key)?.Json is not { } item || item.IsDeleting()) return;
        var shared = item.Items("metadata", "ownerReferences").Any(reference => reference.Text("uid") != ownerUid && Owner(reference, item.Namespace()) is { } other && !Waits(other));
        if (shared) state.Change(key.Resource, key.Namespace, key.Name, present => DropReference(present, ownerUid));
        else state.Delete(key.Resource, key.Namespace, key.Name, new DeleteOptions { Uid = item.Uid(), Propagation = "Foreground" });
    }

    private bool Blocks(ObjectKey key, string ownerUid) => state.Store.Get(key)?.Json is { } item
        && item.Items("metadata", "ownerReferences").Any(reference => reference.Text("uid") == ownerUid && reference.Flag("blockOwnerDeletion"));

    /// <summary>Whether an object is on its way out and waits for its dependents.</summary>
    private static bool Waits(JsonObject owner) =>
        owner.IsDeleting() && owner.Items("metadata", "finalizers").Any(finalizer => finalizer.Display() == "foregroundDeletion");

    private void DropFinalizer(ObjectKey key, string finalizer) => state.Change(key.Resource, key.Namespace, key.Name, item =>
    {
        var left = item.Items("metadata", "finalizers").Select(entry => entry.Display()).Where(entry => entry != finalizer).ToList();
        if (left.Count > 0) item.Ensure("metadata")["finalizers"] = left.ToJsonTexts();
        else item.Ensure("metadata").Remove("finalizers");
    });

    private static void DropReference(JsonObject item, string uid) =>
        item.Ensure("metadata")["ownerReferences"] = item.Items("metadata", "ownerReferences").Where(reference => reference.Text("uid") != uid)
            .Select(reference => reference.DeepClone()).ToJsonArray();
}
