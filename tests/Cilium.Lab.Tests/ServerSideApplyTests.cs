using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Patching;
using Cilium.Lab.Registry;
using Cilium.Lab.Storage;
using FsCheck.Xunit;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Cilium.Lab.Tests;

public sealed class ServerSideApplyTests
{
    private static readonly IListShapes Shapes = new BuiltInListShapes("Deployment");

    [Fact]
    public void What_a_manager_no_longer_applies_is_removed()
    {
        var live = Apply(null, """{"spec":{"replicas":2,"containers":[{"name":"a","image":"1"},{"name":"b","image":"1"}]}}""", "m");
        var next = Apply(live, """{"spec":{"containers":[{"name":"a","image":"1"}]}}""", "m");

        Assert.Null(next.At("spec", "replicas"));
        Assert.Equal("a", Assert.Single(next.Items("spec", "containers")).Text("name"));
    }

    [Fact]
    public void What_another_manager_owns_too_stays()
    {
        var live = Apply(null, """{"spec":{"replicas":2}}""", "one");
        live = Apply(live, """{"spec":{"replicas":2}}""", "two");
        live = Apply(live, """{"spec":{"paused":true}}""", "one");

        Assert.Equal(2, live.Number("spec", "replicas"));
    }

    [Fact]
    public void A_different_value_of_another_manager_is_a_conflict_unless_forced()
    {
        var live = Apply(null, """{"spec":{"replicas":2}}""", "one");

        var refusal = Assert.Throws<ApiException>(() => Apply(live, """{"spec":{"replicas":3}}""", "two"));
        Assert.Equal(409, refusal.Code);
        Assert.Contains(".spec.replicas", refusal.Message, StringComparison.Ordinal);

        var forced = Apply(live, """{"spec":{"replicas":3}}""", "two", force: true);
        Assert.Equal(3, forced.Number("spec", "replicas"));
        Assert.Equal("two", Assert.Single(forced.Items("metadata", "managedFields")).Text("manager"));
    }

    [Fact]
    public void An_ordinary_write_takes_the_fields_it_changes()
    {
        var live = Apply(null, """{"spec":{"replicas":2,"paused":true}}""", "applier");
        var draft = live.Copy();
        draft.Ensure("spec")["replicas"] = 5;
        var tracked = ServerSideApply.Track(live, draft, "scaler", Shapes, "now");

        Assert.Throws<ApiException>(() => Apply(tracked, """{"spec":{"replicas":2,"paused":true}}""", "applier"));
    }

    [Fact]
    public void Writes_of_the_status_have_one_entry_beside_the_managers_main_one()
    {
        var live = ServerSideApply.Track(null, (JsonObject)JsonNode.Parse("""{"spec":{"replicas":1}}""")!, "m", Shapes, "now");
        for (var count = 1; count <= 3; count++)
        {
            var draft = live.Copy();
            draft.Ensure("status")["replicas"] = count;
            live = ServerSideApply.Track(live, draft, "m", Shapes, "now", "status");
        }

        Assert.Equal([("spec", null), ("status", "status")], Owned(live));
        var scaled = live.Copy();
        scaled.Ensure("spec")["replicas"] = 2;
        Assert.Equal([("status", "status"), ("spec", null)], Owned(ServerSideApply.Track(live, scaled, "m", Shapes, "now")));
    }

    [Fact]
    public void An_applied_status_is_apart_from_the_applied_object()
    {
        var live = Apply(null, """{"spec":{"replicas":2}}""", "m");
        for (var count = 1; count <= 2; count++)
            live = ServerSideApply.Apply(live, (JsonObject)JsonNode.Parse($$$"""{"status":{"replicas":{{{count}}}}}""")!, "m", force: false, Shapes, "now", "status");

        Assert.Equal([("spec", null), ("status", "status")], Owned(live));
        Assert.Equal((2, 2), (live.Number("spec", "replicas"), live.Number("status", "replicas")));
        live = Apply(live, """{"spec":{"paused":true}}""", "m");
        Assert.Null(live.At("spec", "replicas"));
        Assert.Equal(2, live.Number("status", "replicas"));
    }

    [Fact]
    public void A_forced_apply_takes_from_every_entry_of_another_manager()
    {
        var live = Apply(null, """{"spec":{"replicas":2}}""", "other");
        var paused = live.Copy();
        paused.Ensure("spec")["paused"] = true;
        live = ServerSideApply.Track(live, paused, "other", Shapes, "now");
        live = Apply(live, """{"spec":{"replicas":3,"paused":false}}""", "m", force: true);

        Assert.Equal("m", Assert.Single(live.Items("metadata", "managedFields")).Text("manager"));
    }

    [Fact]
    public void What_is_applied_after_it_was_created_conflicts_in_nothing_it_leaves_as_it_is()
    {
        const string Applied = """
            {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","creationTimestamp":null},"status":{},
            "spec":{"strategy":{},"selector":{"matchLabels":{"a":"b"}},
            "template":{"metadata":{"creationTimestamp":null,"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"nginx","resources":{}}]}}}}
            """;
        var state = TestCluster.Create();
        var kind = state.Catalog.Get(BuiltInKinds.Deployments);
        var created = state.Registry.Create(kind, "v1", "default", (JsonObject)JsonNode.Parse(Applied)!, new WriteOptions { FieldManager = "kubectl-create" });
        Assert.Equal("RollingUpdate", created.Text("spec", "strategy", "type"));
        state.ChangeStatus(kind.Id, "default", "d", status => status["replicas"] = 1);
        var applied = state.Registry.Patch(
            kind, "v1", new ObjectKey(kind.Id, "default", "d"), JsonNode.Parse(Applied)!, PatchType.Apply, null, new WriteOptions { FieldManager = "kubectl" });

        Assert.Equal("RollingUpdate", applied.Text("spec", "strategy", "type"));
        Assert.Equal(1, applied.Number("status", "replicas"));
        Assert.Equal(["kubectl-create", "kubectl"], applied.Items("metadata", "managedFields").Select(entry => entry.Text("manager")));
        Assert.All(applied.Items("metadata", "managedFields"), entry => Assert.Null(entry.At("fieldsV1", "f:status")));
    }

    [Fact]
    public void A_removed_field_belongs_to_nobody()
    {
        var live = Apply(null, """{"metadata":{"labels":{"x":"1","y":"1"}}}""", "one");
        var draft = live.Copy();
        draft.Members("metadata", "labels")!.Remove("x");
        live = ServerSideApply.Track(live, draft, "remover", Shapes, "now");

        Assert.Equal("""{"f:metadata":{"f:labels":{"f:y":{}}}}""", Assert.Single(live.Items("metadata", "managedFields")).At("fieldsV1")!.ToJsonString());
        var next = Apply(live, """{"metadata":{"labels":{"x":"2"}}}""", "two");
        Assert.Equal(("2", "1"), (next.Text("metadata", "labels", "x"), next.Text("metadata", "labels", "y")));
    }

    [Fact]
    public void A_removed_item_belongs_to_nobody()
    {
        var live = Apply(null, """{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"1"}]}}""", "one");
        var draft = live.Copy();
        ((JsonArray)draft.At("spec", "containers")!).RemoveAt(0);
        live = ServerSideApply.Track(live, draft, "remover", Shapes, "now");
        var next = Apply(live, """{"spec":{"containers":[{"name":"a","image":"2"}]}}""", "two");

        Assert.Equal(["b", "a"], next.Items("spec", "containers").Select(item => item.Text("name")));
    }

    [Fact]
    public void Applying_the_same_later_is_no_write()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
        var state = new ClusterState(ClusterNetwork.For(true, true).ServiceRanges, clock, NullLogger.Instance);
        state.Create(BuiltInKinds.Namespaces, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "default" } });
        var kind = state.Catalog.Get(BuiltInKinds.ConfigMaps);
        JsonObject Apply(string value, string manager)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            return state.Registry.Patch(
                kind, "v1", new ObjectKey(kind.Id, "default", "c"), new JsonObject { ["apiVersion"] = "v1", ["data"] = new JsonObject { [manager] = value } },
                PatchType.Apply, null, new WriteOptions { FieldManager = manager });
        }

        Apply("1", "one");
        var both = Apply("1", "two");
        var again = Apply("1", "one");
        Assert.Equal(both.ResourceVersion(), again.ResourceVersion());
        Assert.Equal(["2026-01-02T03:04:06Z", "2026-01-02T03:04:07Z"], again.Items("metadata", "managedFields").Select(entry => entry.Text("time")));

        var changed = Apply("2", "one");
        Assert.NotEqual(both.ResourceVersion(), changed.ResourceVersion());
        Assert.Equal(["2026-01-02T03:04:07Z", "2026-01-02T03:04:09Z"], changed.Items("metadata", "managedFields").Select(entry => entry.Text("time")));
    }

    [Property(MaxTest = 300)]
    public void Applying_the_same_again_changes_nothing(int seed)
    {
        var random = new RandomJson(seed);
        var live = random.Object();
        live.Remove("metadata");
        var applied = random.Object();
        applied.Remove("metadata");
        JsonObject Once(JsonObject from) => ServerSideApply.Apply(from, applied, "m", force: true, Shapes, "now");
        var first = Once(live);

        Assert.True(JsonNode.DeepEquals(first, Once(first)));
    }

    private static IEnumerable<(string, string?)> Owned(JsonObject live) => live.Items("metadata", "managedFields")
        .Select(entry => (string.Join(",", entry.Members("fieldsV1")!.Select(pair => pair.Key[2..])), entry.Text("subresource")));

    private static JsonObject Apply(JsonObject? live, string applied, string manager, bool force = false) =>
        ServerSideApply.Apply(live, (JsonObject)JsonNode.Parse(applied)!, manager, force, Shapes, "now");
}
