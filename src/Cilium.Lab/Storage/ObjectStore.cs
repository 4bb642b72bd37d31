using System.Text.Json.Nodes;
using System.Threading.Channels;
using Cilium.Lab.Json;

namespace Cilium.Lab.Storage;

/// <summary>
/// All objects of the cluster with one revision counter and a bounded history for watches. Thread-safe.
/// </summary>
internal sealed class ObjectStore(int historyCapacity = 20_000)
{
    private const int WatchCapacity = 16_384;
    private readonly Lock gate = new();
    private readonly Dictionary<ResourceId, SortedDictionary<(string Namespace, string Name), StoredObject>> resources = [];
    private readonly Queue<StoreChange> history = new();
    private readonly List<StoreWatch> watches = [];
    private long revision = 1;
    private long compacted = 1;

    public long Revision
    {
        get
        {
            lock (gate) return revision;
        }
    }

    /// <summary>The oldest revision of which the history still tells what came after it.</summary>
    public long Oldest
    {
        get
        {
            lock (gate) return compacted;
        }
    }

    /// <summary>Whether every watch has passed on all that has happened.</summary>
    public bool IsQuiet
    {
        get
        {
            lock (gate) return watches.TrueForAll(watch => watch.IsQuiet);
        }
    }

    public StoredObject? Get(ObjectKey key)
    {
        lock (gate) return Find(key);
    }

    public StoredObject? Get(ResourceId resource, string ns, string name) => Get(new ObjectKey(resource, ns, name));

    /// <summary>Objects ordered by namespace and name, with the revision at which the list is true.</summary>
    public (IReadOnlyList<StoredObject> Objects, long Revision) List(ResourceId resource, string? ns = null)
    {
        lock (gate)
        {
            if (!resources.TryGetValue(resource, out var objects)) return ([], revision);
            var found = ns is null ? objects.Values.ToList() : [.. objects.Where(pair => pair.Key.Namespace == ns).Select(pair => pair.Value)];
            return (found, revision);
        }
    }

    public IEnumerable<JsonObject> All(ResourceId resource, string? ns = null) => List(resource, ns).Objects.Select(stored => stored.Json);

    /// <summary>
    /// Replaces the state of one object atomically. <paramref name="change"/> sees the present state (or null) and returns the
    /// next one: a new document, the very same to leave it, or null to remove it. Throwing leaves the store as it was.
    /// <paramref name="committed"/> sees the stored state and the one before it ahead of any other write.
    /// </summary>
    public StoredObject? Apply(ObjectKey key, Func<StoredObject?, JsonObject?> change, Action<StoredObject?, StoredObject?>? committed = null)
    {
        lock (gate)
        {
            var current = Find(key);
            var stored = Replace(key, current, change(current));
            committed?.Invoke(stored, current);
            return stored;
        }
    }

    /// <summary>Changes after <paramref name="since"/>, past ones first.</summary>
    /// <exception cref="ApiException">410: the history no longer reaches back that far.</exception>
    public StoreWatch Watch(long since, Func<ResourceId, bool> wanted)
    {
        lock (gate)
        {
            if (since < compacted) throw ApiException.Gone(since);
            var watch = new StoreWatch(wanted, Channel.CreateBounded<StoreChange>(new BoundedChannelOptions(WatchCapacity) { SingleReader = true }), Remove);
            // Most begin at the present, right after a list.
            foreach (var change in since < revision ? history : [])
            {
                if (change.Revision > since) watch.Offer(change);
            }

            watches.Add(watch);
            return watch;
        }
    }

    /// <summary>How far a watch's reader has come that was told of changes up to <paramref name="reached"/>: to the present when nothing waits for it.</summary>
    public long RevisionOf(StoreWatch watch, long reached)
    {
        lock (gate) return watches.Contains(watch) && watch.IsQuiet ? revision : reached;
    }

    private StoredObject? Find(ObjectKey key) =>
        resources.TryGetValue(key.Resource, out var objects) && objects.TryGetValue((key.Namespace, key.Name), out var stored) ? stored : null;

    private StoredObject? Replace(ObjectKey key, StoredObject? current, JsonObject? next)
    {
        if (next is null)
        {
            if (current is null) return null;
            revision++;
            var tombstone = StoredObject.From(key, current.Json.Copy(), revision);
            resources[key.Resource].Remove((key.Namespace, key.Name));
            Publish(new StoreChange(ChangeType.Deleted, tombstone, current));
            return null;
        }

        if (current is not null && ReferenceEquals(next, current.Json)) return current;
        if (current is not null && EqualButForVersion(current.Json, next)) return current;
        revision++;
        var stored = StoredObject.From(key, next, revision);
        if (!resources.TryGetValue(key.Resource, out var objects)) resources[key.Resource] = objects = new(KeyOrder.Instance);
        objects[(key.Namespace, key.Name)] = stored;
        Publish(new StoreChange(current is null ? ChangeType.Added : ChangeType.Modified, stored, current));
        return stored;
    }

    private void Publish(StoreChange change)
    {
        history.Enqueue(change);
        while (history.Count > historyCapacity) compacted = history.Dequeue().Revision;
        for (var index = watches.Count - 1; index >= 0; index--)
        {
            if (!watches[index].Offer(change)) watches.RemoveAt(index);
        }
    }

    private void Remove(StoreWatch watch)
    {
        lock (gate) watches.Remove(watch);
    }

    private static bool EqualButForVersion(JsonObject current, JsonObject next)
    {
        next.Ensure("metadata")["resourceVersion"] = current.ResourceVersion();
        return JsonAccess.Same(current, next);
    }

    private sealed class KeyOrder : IComparer<(string Namespace, string Name)>
    {
        public static readonly KeyOrder Instance = new();

        public int Compare((string Namespace, string Name) left, (string Namespace, string Name) right)
        {
            var byNamespace = string.CompareOrdinal(left.Namespace, right.Namespace);
            return byNamespace != 0 ? byNamespace : string.CompareOrdinal(left.Name, right.Name);
        }
    }
}
