using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Tests;

public sealed class ObjectStoreTests
{
    private static readonly ObjectKey Key = new(BuiltInKinds.ConfigMaps, "default", "a");

    [Fact]
    public void A_watch_sees_what_came_after_its_revision_in_order()
    {
        var store = new ObjectStore();
        Put(store, 1);
        var since = store.Revision;
        Put(store, 2);
        using var watch = store.Watch(since, _ => true);
        Put(store, 3);
        store.Apply(Key, _ => null);

        var seen = new List<(ChangeType, long)>();
        while (watch.Changes.TryRead(out var change)) seen.Add((change.Type, change.Object.Json.Number("data") ?? 0));
        Assert.Equal([(ChangeType.Modified, 2), (ChangeType.Modified, 3), (ChangeType.Deleted, 3)], seen);
    }

    [Fact]
    public void A_write_that_changes_nothing_makes_no_revision()
    {
        var store = new ObjectStore();
        Put(store, 1);
        var before = store.Revision;
        Put(store, 1);

        Assert.Equal(before, store.Revision);
    }

    [Fact]
    public void A_watch_from_before_the_history_is_gone()
    {
        var store = new ObjectStore(historyCapacity: 3);
        for (var value = 0; value < 10; value++) Put(store, value);

        Assert.Equal(410, Assert.Throws<ApiException>(() => store.Watch(2, _ => true)).Code);
        using var recent = store.Watch(store.Revision - 3, _ => true);
        Assert.Equal(3, recent.Changes.Count);
    }

    private static void Put(ObjectStore store, int value) =>
        store.Apply(Key, _ => new JsonObject { ["metadata"] = new JsonObject { ["name"] = "a" }, ["data"] = value });
}
