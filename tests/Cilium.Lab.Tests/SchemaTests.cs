using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Registry;
using Cilium.Lab.Schemas;
using Cilium.Lab.Storage;
using FsCheck.Xunit;

namespace Cilium.Lab.Tests;

public sealed class SchemaTests
{
    private const string Definition = """
        {"metadata":{"name":"widgets.example.com"},"spec":{"group":"example.com","scope":"Namespaced",
        "names":{"plural":"widgets","kind":"Widget"},
        "versions":[{"name":"v1","served":true,"storage":true,"subresources":{"status":{}},
        "additionalPrinterColumns":[{"name":"Size","type":"integer","jsonPath":".spec.size"}],
        "schema":{"openAPIV3Schema":{"type":"object","properties":{
          "spec":{"type":"object","required":["size"],"properties":{
            "size":{"type":"integer","minimum":1,"maximum":9},
            "color":{"type":"string","enum":["red","blue"],"default":"red"},
            "name":{"type":"string","pattern":"^[a-z]+$"},
            "port":{"x-kubernetes-int-or-string":true},
            "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}},
          "status":{"type":"object","properties":{"ok":{"type":"boolean"}}}}}}}]}}
        """;

    private static readonly ResourceId Widgets = new("example.com", "widgets");

    [Fact]
    public void Custom_resources_are_pruned_and_defaulted()
    {
        var state = TestCluster.Create();
        state.Create(BuiltInKinds.CustomResourceDefinitions, Definition);
        var widget = state.Create(Widgets, """{"metadata":{"name":"w"},"spec":{"size":3,"unknown":1,"free":{"x":1},"port":"http"},"status":{"ok":true}}""");

        Assert.Equal("red", widget.Text("spec", "color"));
        Assert.Null(widget.At("spec", "unknown"));
        Assert.Equal(1, widget.Number("spec", "free", "x"));
        Assert.Null(widget.At("status"));
        Assert.True(state.Patch(Widgets, "w", """{"status":{"ok":true}}""", "status").Flag("status", "ok"));
    }

    [Theory]
    [InlineData("""{"size":0}""", "spec.size")]
    [InlineData("""{"size":10}""", "spec.size")]
    [InlineData("""{"size":"3"}""", "spec.size")]
    [InlineData("""{}""", "spec.size")]
    [InlineData("""{"size":1,"color":"green"}""", "spec.color")]
    [InlineData("""{"size":1,"name":"A1"}""", "spec.name")]
    [InlineData("""{"size":1,"port":true}""", "spec.port")]
    public void Values_against_the_schema_are_refused_by_field(string spec, string field)
    {
        var state = TestCluster.Create();
        state.Create(BuiltInKinds.CustomResourceDefinitions, Definition);
        var refusal = Assert.Throws<ApiException>(() => state.Create(Widgets, $$"""{"metadata":{"name":"w"},"spec":{{spec}}}"""));

        Assert.Equal(422, refusal.Code);
        Assert.Contains(field, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_fields_are_an_error_when_validation_is_strict()
    {
        var state = TestCluster.Create();
        state.Create(BuiltInKinds.CustomResourceDefinitions, Definition);
        var kind = state.Catalog.Get(Widgets);
        var body = (JsonObject)JsonNode.Parse("""{"metadata":{"name":"w"},"spec":{"size":1,"unknown":1}}""")!;

        var refusal = Assert.Throws<ApiException>(() => state.Registry.Create(kind, "v1", "default", body, new WriteOptions { FieldValidation = "Strict" }));
        Assert.Contains("unknown field \"spec.unknown\"", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Deleting_a_definition_deletes_its_objects()
    {
        var state = TestCluster.Create();
        state.Create(BuiltInKinds.CustomResourceDefinitions, Definition);
        state.Create(Widgets, """{"metadata":{"name":"w"},"spec":{"size":3}}""");
        state.Delete(BuiltInKinds.CustomResourceDefinitions, "", "widgets.example.com");

        Assert.Null(state.Catalog.Find(Widgets));
        Assert.Empty(state.Store.List(Widgets).Objects);
    }

    [Property(MaxTest = 300)]
    public void Random_documents_never_break_a_schema(int seed)
    {
        var random = new RandomJson(seed);
        var schema = JsonNode.Parse(Definition).Items("spec", "versions").First().Members("schema", "openAPIV3Schema")!;
        var document = new JsonObject { ["spec"] = random.Node(), ["status"] = random.Node() };

        Assert.Null(Record.Exception(() =>
        {
            StructuralSchema.Prune(document, schema);
            StructuralSchema.FillDefaults(document, schema);
            StructuralSchema.Validate(document, schema);
            StructuralSchema.Validate(document, random.Object());
        }));
    }
}
