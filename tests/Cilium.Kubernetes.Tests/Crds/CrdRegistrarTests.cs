using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.Kubernetes.Tests.Crds;

public sealed class CrdRegistrarTests
{
    private const string Collection = "apis/apiextensions.k8s.io/v1/customresourcedefinitions";

    [Fact]
    public async Task Absent_definitions_are_created_older_ones_updated_newer_ones_left()
    {
        var server = new FakeApiServer(TimeProvider.System);
        server.Put($"{Collection}/ciliumnodes.cilium.io", Definition("1.2.3"));
        server.Put($"{Collection}/ciliumendpoints.cilium.io", Definition("9.0.0"));
        server.Before = (method, path) =>
        {
            // The server serves a definition a moment after it was written.
            if (method == HttpMethod.Get && server.Get(path) is { } present && present["status"] is null)
            {
                present["status"] = Established();
                server.Put(path, present);
            }
        };
        await new CrdRegistrar(server.Connection, NullLogger<CrdRegistrar>.Instance).RegisterAsync(CancellationToken.None);
        Assert.Equal(7, server.List(Collection).Count);
        var node = server.Get($"{Collection}/ciliumnodes.cilium.io")!;
        Assert.Equal(CustomResourceDefinitions.SchemaVersion.ToString(), node["metadata"]!["labels"]![CustomResourceDefinitions.VersionLabel]!.ToString());
        Assert.Equal("kept", node["metadata"]!["annotations"]!["note"]!.ToString());
        Assert.Equal("ciliumnodes", node["spec"]!["names"]!["plural"]!.ToString());
        Assert.Equal("old", server.Get($"{Collection}/ciliumendpoints.cilium.io")!["spec"]!["group"]!.ToString());
    }

    [Fact]
    public void The_definitions_have_upstreams_names()
    {
        var items = Documents();
        var cnp = items.Single(item => item!["metadata"]!["name"]!.ToString() == "ciliumnetworkpolicies.cilium.io")!["spec"]!;
        Assert.Equal(["cnp", "ciliumnp"], cnp["names"]!["shortNames"]!.AsArray().Select(name => name!.ToString()));
        Assert.Equal(["cilium", "ciliumpolicy"], cnp["names"]!["categories"]!.AsArray().Select(name => name!.ToString()));
        Assert.Equal("Namespaced", cnp["scope"]!.ToString());
        var version = Assert.Single(cnp["versions"]!.AsArray())!;
        Assert.Equal("v2", version["name"]!.ToString());
        Assert.NotNull(version["subresources"]!["status"]);
        Assert.Null(items.Single(item => item!["metadata"]!["name"]!.ToString() == "ciliumendpoints.cilium.io")!["spec"]!["versions"]![0]!["subresources"]!["status"]);
    }

    [Fact]
    public void Every_level_of_every_schema_has_a_type_as_structural_schemas_must()
    {
        foreach (var item in Documents())
        {
            CheckTyped(item!["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!.AsObject(), item["metadata"]!["name"]!.ToString());
        }
    }

    private static void CheckTyped(JsonObject schema, string path)
    {
        Assert.True(schema.ContainsKey("type") || schema.ContainsKey("x-kubernetes-int-or-string"), $"{path} has no type");
        foreach (var (name, property) in schema["properties"]?.AsObject() ?? [])
        {
            CheckTyped(property!.AsObject(), $"{path}.{name}");
        }

        foreach (var keyword in new[] { "items", "additionalProperties" })
        {
            if (schema[keyword] is JsonObject inner)
            {
                CheckTyped(inner, $"{path}.{keyword}");
            }
        }

        Assert.All(schema["required"]?.AsArray() ?? [], name => Assert.True(schema["properties"]!.AsObject().ContainsKey(name!.ToString()), $"{path} requires {name}"));
    }

    private static List<JsonNode> Documents() =>
        [.. CustomResourceDefinitions.ToManifest().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(text => JsonNode.Parse(text)!)];

    private static JsonObject Definition(string version) => new()
    {
        ["metadata"] = new JsonObject
        {
            ["labels"] = new JsonObject { [CustomResourceDefinitions.VersionLabel] = version },
            ["annotations"] = new JsonObject { ["note"] = "kept" },
        },
        ["spec"] = new JsonObject { ["group"] = "old" },
        ["status"] = Established(),
    };

    private static JsonObject Established() => new()
    {
        ["conditions"] = new JsonArray(new JsonObject { ["type"] = "Established", ["status"] = "True" }),
    };
}
