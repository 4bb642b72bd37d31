using System.Text.Json.Nodes;
using Cilium.Lab.Patching;
using Cilium.Lab.Storage;
using FsCheck.Xunit;

namespace Cilium.Lab.Tests;

public sealed class PatchTests
{
    private static readonly IListShapes Shapes = new BuiltInListShapes("Deployment");

    [Theory]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/b","value":2}]""", """{"a":1,"b":2}""")]
    [InlineData("""{"a":[1,2]}""", """[{"op":"add","path":"/a/-","value":3}]""", """{"a":[1,2,3]}""")]
    [InlineData("""{"a":[1,2]}""", """[{"op":"remove","path":"/a/0"}]""", """{"a":[2]}""")]
    [InlineData("""{"a/b":1}""", """[{"op":"replace","path":"/a~1b","value":2}]""", """{"a/b":2}""")]
    [InlineData("""{"a":{"x":1},"b":{}}""", """[{"op":"move","from":"/a/x","path":"/b/y"}]""", """{"a":{},"b":{"y":1}}""")]
    [InlineData("""{"a":1}""", """[{"op":"test","path":"/a","value":1},{"op":"copy","from":"/a","path":"/c"}]""", """{"a":1,"c":1}""")]
    public void Json_patch_applies(string document, string patch, string expected) =>
        AssertJson(expected, JsonPatch.Apply(JsonNode.Parse(document)!, JsonNode.Parse(patch)));

    [Theory]
    [InlineData("""[{"op":"remove","path":"/missing"}]""")]
    [InlineData("""[{"op":"test","path":"/a","value":2}]""")]
    [InlineData("""[{"op":"add","path":"/x/y","value":2}]""")]
    [InlineData("""{"op":"add"}""")]
    public void Json_patch_that_does_not_apply_is_refused(string patch) =>
        Assert.Throws<ApiException>(() => JsonPatch.Apply(JsonNode.Parse("""{"a":1}""")!, JsonNode.Parse(patch)));

    [Fact]
    public void Merge_patch_removes_by_null_and_replaces_lists() => AssertJson(
        """{"a":{"y":2},"l":[3]}""",
        MergePatch.Apply(JsonNode.Parse("""{"a":{"x":1,"y":2},"l":[1,2]}"""), JsonNode.Parse("""{"a":{"x":null},"l":[3]}""")));

    [Fact]
    public void Strategic_patch_merges_containers_by_name() => AssertStrategic(
        """{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"}]}}""",
        """{"spec":{"containers":[{"name":"b","image":"3"},{"name":"c","image":"4"}]}}""",
        """{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"3"},{"name":"c","image":"4"}]}}""");

    [Fact]
    public void Strategic_patch_deletes_orders_and_retains() => AssertStrategic(
        """{"spec":{"containers":[{"name":"a"},{"name":"b"},{"name":"c"}],"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}}}""",
        """{"spec":{"$setElementOrder/containers":[{"name":"c"},{"name":"b"}],"containers":[{"name":"a","$patch":"delete"}],"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}""",
        """{"spec":{"containers":[{"name":"c"},{"name":"b"}],"strategy":{"type":"Recreate"}}}""");

    [Fact]
    public void Strategic_patch_edits_sets_of_scalars() => AssertStrategic(
        """{"metadata":{"finalizers":["a","b"]}}""",
        """{"metadata":{"finalizers":["c"],"$deleteFromPrimitiveList/finalizers":["a"]}}""",
        """{"metadata":{"finalizers":["c","b"]}}""");

    /// <summary>The key of a port is its number; a protocol only tells two of one number apart.</summary>
    [Theory]
    [InlineData("""{"containerPort":53,"protocol":"UDP"}""", """{"containerPort":53,"name":"dns"}""", """{"containerPort":53,"protocol":"UDP","name":"dns"}""")]
    [InlineData("""{"containerPort":53,"protocol":"UDP"}""", """{"containerPort":53,"$patch":"delete"}""", "")]
    [InlineData(
        """{"containerPort":53,"protocol":"TCP"},{"containerPort":53,"protocol":"UDP"}""",
        """{"containerPort":53,"protocol":"UDP","name":"dns"}""",
        """{"containerPort":53,"protocol":"TCP"},{"containerPort":53,"protocol":"UDP","name":"dns"}""")]
    [InlineData("""{"containerPort":53}""", """{"containerPort":53,"protocol":"TCP","name":"dns"}""", """{"containerPort":53,"protocol":"TCP","name":"dns"}""")]
    public void Strategic_patch_merges_ports_by_number(string document, string patch, string expected)
    {
        AssertStrategic(Ports(document), Ports(patch), Ports(expected));

        static string Ports(string items) => $"{{\"spec\":{{\"containers\":[{{\"name\":\"a\",\"ports\":[{items}]}}]}}}}";
    }

    /// <summary>As the API server orders them: what a patch names in its order, what it does not name before what followed it.</summary>
    [Theory]
    [InlineData("a", "b a", "b a")]
    [InlineData("a", "b", "b a")]
    [InlineData("a b", "b c", "a b c")]
    [InlineData("a b c", "c b", "a c b")]
    [InlineData("a b c d", "d x b", "a c d x b")]
    public void Strategic_patch_keeps_the_order_of_both(string document, string patch, string expected)
    {
        AssertStrategic(Containers(document), Containers(patch), Containers(expected));
        AssertStrategic(Finalizers(document), Finalizers(patch), Finalizers(expected));

        static string Containers(string names) => $"{{\"spec\":{{\"containers\":[{Each(names, "{\"name\":\"", "\"}")}]}}}}";
        static string Finalizers(string names) => $"{{\"metadata\":{{\"finalizers\":[{Each(names, "\"", "\"")}]}}}}";
        static string Each(string names, string before, string after) => string.Join(',', names.Split(' ').Select(name => before + name + after));
    }

    [Property(MaxTest = 400)]
    public void Patches_of_random_documents_apply_or_are_refused(int seed)
    {
        var random = new RandomJson(seed);
        var document = random.Object();
        var before = document.ToJsonString();
        var patch = random.Node();
        Assert.True(Record.Exception(() => JsonPatch.Apply(document, patch)) is null or ApiException);
        Assert.Null(Record.Exception(() => MergePatch.Apply(document, patch)));
        Assert.Null(Record.Exception(() => StrategicMergePatch.Apply(document, random.Object(), Shapes)));
        Assert.Equal(before, document.ToJsonString());
    }

    [Property(MaxTest = 300)]
    public void A_merge_patch_applied_twice_changes_nothing_more(int seed)
    {
        var random = new RandomJson(seed);
        var document = random.Object();
        var patch = random.Object();
        var once = MergePatch.Apply(document, patch);
        AssertJson(once!.ToJsonString(), MergePatch.Apply(once, patch));
    }

    private static void AssertStrategic(string document, string patch, string expected) =>
        AssertJson(expected, StrategicMergePatch.Apply((JsonObject)JsonNode.Parse(document)!, (JsonObject)JsonNode.Parse(patch)!, Shapes));

    private static void AssertJson(string expected, JsonNode? actual) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), actual), $"expected {expected}, got {actual?.ToJsonString()}");
}
