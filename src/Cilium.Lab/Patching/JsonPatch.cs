using System.Globalization;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Patching;

/// <summary>RFC 6902.</summary>
internal static class JsonPatch
{
    /// <summary>The patched document; <paramref name="document"/> itself is not changed.</summary>
    /// <exception cref="ApiException">422 or 400: the patch does not apply.</exception>
    public static JsonNode Apply(JsonNode document, JsonNode? patch)
    {
        if (patch is not JsonArray operations) throw ApiException.BadRequest("json patch must be a list of operations");
        var root = document.DeepClone();
        foreach (var operation in operations) root = ApplyOne(root, operation);
        return root;
    }

    private static JsonNode ApplyOne(JsonNode root, JsonNode? operation)
    {
        var path = Pointer(operation.Text("path"));
        switch (operation.Text("op"))
        {
            case "add":
                return Add(root, path, operation.At("value")?.DeepClone());
            case "replace":
                if (path.Length == 0) return operation.At("value")?.DeepClone() ?? throw Failed("replace operation does not apply: no value");
                Take(root, path);
                return Add(root, path, operation.At("value")?.DeepClone());
            case "remove":
                Take(root, path);
                return root;
            case "move":
                return Add(root, path, Take(root, Pointer(operation.Text("from"))));
            case "copy":
                return Add(root, path, Read(root, Pointer(operation.Text("from")))?.DeepClone());
            case "test":
                if (!JsonAccess.Same(Read(root, path), operation.At("value")))
                    throw Failed($"testing value {operation.Text("path")} failed");
                return root;
            case var other:
                throw ApiException.BadRequest($"unexpected kind of json patch operation: {other}");
        }
    }

    private static JsonNode Add(JsonNode root, string[] path, JsonNode? value)
    {
        if (path.Length == 0) return value ?? throw Failed("the document cannot become null");
        switch (Read(root, path.AsSpan()[..^1]))
        {
            case JsonObject members:
                members[path[^1]] = value;
                return root;
            case JsonArray items:
                items.Insert(path[^1] == "-" ? items.Count : Index(path[^1], items.Count), value);
                return root;
            default:
                throw Failed($"add operation does not apply: doc is missing path: \"/{string.Join('/', path)}\"");
        }
    }

    private static JsonNode? Take(JsonNode root, string[] path)
    {
        if (path.Length == 0) throw Failed("the whole document cannot be removed");
        switch (Read(root, path.AsSpan()[..^1]))
        {
            case JsonObject members when members.TryGetPropertyValue(path[^1], out var child):
                members.Remove(path[^1]);
                return child;
            case JsonArray items:
                var index = Index(path[^1], items.Count - 1);
                var item = items[index];
                items.RemoveAt(index);
                return item;
            default:
                throw Failed($"remove operation does not apply: doc is missing key: /{string.Join('/', path)}");
        }
    }

    private static JsonNode? Read(JsonNode root, ReadOnlySpan<string> path)
    {
        JsonNode? node = root;
        foreach (var step in path)
        {
            node = node switch
            {
                JsonObject members when members.TryGetPropertyValue(step, out var child) => child,
                JsonArray items => items[Index(step, items.Count - 1)],
                _ => throw Failed($"operation does not apply: doc is missing path: {step}"),
            };
        }

        return node;
    }

    private static int Index(string step, int last)
    {
        if (int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index <= last) return index;
        throw Failed($"unable to access invalid index: {step}");
    }

    private static string[] Pointer(string? pointer)
    {
        if (pointer is null) throw ApiException.BadRequest("json patch operation without path");
        if (pointer.Length == 0) return [];
        if (pointer[0] != '/') throw ApiException.BadRequest($"invalid json pointer: {pointer}");
        return [.. pointer[1..].Split('/').Select(step => step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))];
    }

    private static ApiException Failed(string message) => new(422, "Invalid", message);
}
