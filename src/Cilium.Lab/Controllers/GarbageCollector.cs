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

    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            dependents.Clear();
            using var watch = state.Store.Watch(state.Store.Revision, _ => true);
            foreach (var kind in state.Catalog.Kinds)
            {
                foreach (var item in state.Store.List(kind.Id).Objects) Note(new StoreChange(ChangeType.Added, item, null));
            }

            await foreach (var change in watch.Changes.ReadAllAsync(cancel)) Note(change);
        }
    }

    private void Note(StoreChange change)
    {
        Index(change);
        var json = change.Object.Json;
        if (change.Type == ChangeType.Deleted)
        {
            if (dependents.Remove(json.Uid(), out var orphans))
            {
                foreach (var orphan in orphans.ToList()) Collect(orphan, json.Uid());
            }

            foreach (var reference in json.Items("metadata", "ownerReferences")) ReleaseOwner(reference, json.Namespace());
            return;
        }

        if (change.Type == ChangeType.Added && json.Items("metadata", "ownerReferences").Any() && OwnersGone(json)) state.Delete(change.Object.Key.Resource, change.Object.Key.Namespace, change.Object.Key.Name);
        if (json.IsDeleting()) Finalize(change.Object);
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

    private void Collect(ObjectKey key, string ownerUid)
    {
        if (state.Store.Get(key)?.Json is not { } item || item.IsDeleting()) return;
        if (!item.Items("metadata", "ownerReferences").Any(reference => reference.Text("uid") == ownerUid)) return;
        if (OwnersGone(item)) state.Delete(key.Resource, key.Namespace, key.Name, new DeleteOptions { Uid = item.Uid() });
    }

    private bool OwnersGone(JsonObject item) => item.Items("metadata", "ownerReferences").All(reference => Owner(reference, item.Namespace()) is null);

    private JsonObject? Owner(JsonNode reference, string ns)
    {
        var version = reference.TextOr("", "apiVersion");
        var group = version.Contains('/', StringComparison.Ordinal) ? version.Split('/')[0] : "";
        if (state.Catalog.FindByKind(group, reference.TextOr("", "kind")) is not { } kind) return null;
        var owner = state.Store.Get(kind.Id, kind.Namespaced ? ns : "", reference.TextOr("", "name"))?.Json;
        return owner is not null && owner.Uid() == reference.Text("uid") ? owner : null;
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

    private void ReleaseOwner(JsonNode reference, string ns)
    {
        if (Owner(reference, ns) is not { } owner || !owner.IsDeleting()) return;
        var kind = state.Catalog.FindByKind(owner.TextOr("", "apiVersion") is var version && version.Contains('/', StringComparison.Ordinal) ? version.Split('/')[0] : "", owner.TextOr("", "kind"));
        if (kind is not null && state.Store.Get(kind.Id, owner.Namespace(), owner.Name()) is { } stored) Finalize(stored);
    }

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
