using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Serving;

/// <summary>
/// OpenAPI v3 documents, one per group and version. Built-in kinds are described as objects with any members; custom ones by
/// their schema. The patch operations say that the server validates fields, so kubectl leaves validation to it.
/// </summary>
internal sealed class OpenApi(ResourceCatalog catalog, Discovery discovery)
{
    public const string Version2Type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

    /// <summary>
    /// A version 2 document without definitions, in protobuf: swagger (1) 2.0, info (2) with title and version, paths (8), definitions (9).
    /// kubectl asks for it about kinds that version 3 does not know, and then says that the kind is missing.
    /// </summary>
    public static ReadOnlyMemory<byte> Version2 { get; } = "\u000a\u00032.0\u0012\u0015\u000a\u000aKubernetes\u0012\u0007v1.32.0B\0J\0"u8.ToArray();

    public JsonObject Root()
    {
        var paths = new JsonObject();
        foreach (var (group, versions) in discovery.GroupVersions())
        {
            foreach (var version in versions)
            {
                var path = group.Length == 0 ? $"api/{version}" : $"apis/{group}/{version}";
                paths[path] = new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{path}" };
            }
        }

        return new JsonObject { ["paths"] = paths };
    }

    public JsonObject Document(string group, string version)
    {
        var paths = new JsonObject();
        var schemas = new JsonObject();
        foreach (var kind in catalog.Kinds.Where(kind => kind.Id.Group == group && kind.Version(version) is not null))
        {
            var prefix = group.Length == 0 ? $"/api/{version}" : $"/apis/{group}/{version}";
            var collection = kind.Namespaced ? $"{prefix}/namespaces/{{namespace}}/{kind.Id.Plural}" : $"{prefix}/{kind.Id.Plural}";
            paths[collection] = new JsonObject { ["post"] = Operation(kind, version, "post") };
            paths[collection + "/{name}"] = new JsonObject
            {
                ["get"] = Operation(kind, version, "get"),
                ["put"] = Operation(kind, version, "put"),
                ["patch"] = Operation(kind, version, "patch"),
            };
            schemas[SchemaName(kind, version)] = Schema(kind, version);
        }

        return new JsonObject
        {
            ["openapi"] = "3.0.0",
            ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = "v1.32.0" },
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = schemas },
        };
    }

    private static JsonObject Operation(ResourceKind kind, string version, string verb) => new()
    {
        ["parameters"] = new JsonArray(
            Parameter("dryRun"), Parameter("fieldManager"), Parameter("fieldValidation")),
        ["responses"] = new JsonObject
        {
            ["200"] = new JsonObject
            {
                ["description"] = "OK",
                ["content"] = new JsonObject
                {
                    ["application/json"] = new JsonObject
                    {
                        ["schema"] = new JsonObject { ["$ref"] = $"#/components/schemas/{SchemaName(kind, version)}" },
                    },
                },
            },
        },
        ["x-kubernetes-action"] = verb,
        ["x-kubernetes-group-version-kind"] = GroupVersionKind(kind, version),
    };

    private static JsonObject Parameter(string name) => new()
    {
        ["name"] = name,
        ["in"] = "query",
        ["schema"] = new JsonObject { ["type"] = "string", ["uniqueItems"] = true },
    };

    private static JsonObject GroupVersionKind(ResourceKind kind, string version) =>
        new() { ["group"] = kind.Id.Group, ["kind"] = kind.Kind, ["version"] = version };

    private static string SchemaName(ResourceKind kind, string version)
    {
        var group = kind.Id.Group.Length == 0 ? "core" : string.Join('.', kind.Id.Group.Split('.').Reverse());
        return $"{group}.{version}.{kind.Kind}";
    }

    private static JsonObject Schema(ResourceKind kind, string version)
    {
        var schema = kind.Version(version)?.Schema?.Copy() ?? new JsonObject
        {
            ["type"] = "object",
            ["description"] = $"{kind.Kind} of {kind.ApiVersion(version)}.",
            ["x-kubernetes-preserve-unknown-fields"] = true,
        };
        var properties = schema.Ensure("properties");
        properties["apiVersion"] = new JsonObject { ["type"] = "string" };
        properties["kind"] = new JsonObject { ["type"] = "string" };
        properties["metadata"] = new JsonObject { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true };
        schema["x-kubernetes-group-version-kind"] = new JsonArray(GroupVersionKind(kind, version));
        return schema;
    }
}
