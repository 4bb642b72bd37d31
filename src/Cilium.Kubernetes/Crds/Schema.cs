using System.Text.Json.Nodes;

namespace Cilium.Kubernetes.Crds;

/// <summary>Builds OpenAPI v3 schemas as custom resource definitions want them: every level typed, no references.</summary>
internal static class Schema
{
    public static JsonObject Object(params IReadOnlyList<(string Name, JsonObject Schema)> properties)
    {
        var schemas = new JsonObject();
        foreach (var (name, schema) in properties)
        {
            schemas.Add(name, schema);
        }

        return new JsonObject { ["type"] = "object", ["properties"] = schemas };
    }

    public static JsonObject Required(this JsonObject schema, params IReadOnlyList<string> names)
    {
        schema["required"] = new JsonArray([.. names.Select(name => (JsonNode)name)]);
        return schema;
    }

    public static JsonObject Described(this JsonObject schema, string text)
    {
        schema["description"] = text;
        return schema;
    }

    public static JsonObject List(JsonObject item, int? minimum = null, int? maximum = null)
    {
        var schema = new JsonObject { ["type"] = "array", ["items"] = item };
        if (minimum is { } least)
        {
            schema["minItems"] = least;
        }

        if (maximum is { } most)
        {
            schema["maxItems"] = most;
        }

        return schema;
    }

    public static JsonObject Text(string? pattern = null, int? maximumLength = null)
    {
        var schema = new JsonObject { ["type"] = "string" };
        if (pattern is not null)
        {
            schema["pattern"] = pattern;
        }

        if (maximumLength is { } most)
        {
            schema["maxLength"] = most;
        }

        return schema;
    }

    public static JsonObject OneOf(params IReadOnlyList<string> words) =>
        new() { ["type"] = "string", ["enum"] = new JsonArray([.. words.Select(word => (JsonNode)word)]) };

    public static JsonObject Number(long? minimum = null, long? maximum = null, string? format = null)
    {
        var schema = new JsonObject { ["type"] = "integer" };
        if (format is not null)
        {
            schema["format"] = format;
        }

        if (minimum is { } least)
        {
            schema["minimum"] = least;
        }

        if (maximum is { } most)
        {
            schema["maximum"] = most;
        }

        return schema;
    }

    public static JsonObject Switch() => new() { ["type"] = "boolean" };

    public static JsonObject Map(JsonObject value) => new() { ["type"] = "object", ["additionalProperties"] = value };

    public static JsonObject Open() => new() { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true };

    /// <summary>A number or a text, as ICMP types are written.</summary>
    public static JsonObject NumberOrText(string? pattern = null)
    {
        var schema = new JsonObject
        {
            ["anyOf"] = new JsonArray(new JsonObject { ["type"] = "integer" }, new JsonObject { ["type"] = "string" }),
            ["x-kubernetes-int-or-string"] = true,
        };
        if (pattern is not null)
        {
            schema["pattern"] = pattern;
        }

        return schema;
    }

    public static JsonObject LabelSelector() => Object(
        ("matchLabels", Map(Text(@"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$", 63))),
        ("matchExpressions", List(Object(
            ("key", Text()),
            ("operator", OneOf("In", "NotIn", "Exists", "DoesNotExist")),
            ("values", List(Text()))).Required("key", "operator"))));

    public static JsonObject Conditions()
    {
        var schema = List(Object(
            ("type", Text()),
            ("status", Text()),
            ("reason", Text()),
            ("message", Text()),
            ("lastTransitionTime", new JsonObject { ["type"] = "string", ["format"] = "date-time" })).Required("type", "status"));
        schema["x-kubernetes-list-map-keys"] = new JsonArray("type");
        schema["x-kubernetes-list-type"] = "map";
        return schema;
    }
}
