using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cilium.Lab.Json;

/// <summary>Reads and writes JSON documents by path, treating absent and mistyped members alike as missing.</summary>
internal static class JsonAccess
{
    public static JsonNode? At(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            if (node is not JsonObject members || !members.TryGetPropertyValue(name, out node)) return null;
        }

        return node;
    }

    public static string? Text(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    public static string TextOr(this JsonNode? node, string fallback, params ReadOnlySpan<string> path) => node.Text(path) ?? fallback;

    public static bool Flag(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.TryGetValue(out bool flag) && flag;

    public static long? Number(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path).AsNumber();

    public static JsonObject? Members(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) as JsonObject;

    public static IEnumerable<JsonNode> Items(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonArray items ? items.OfType<JsonNode>() : [];

    public static long? AsNumber(this JsonNode? node)
    {
        if (node is not JsonValue value) return null;
        if (value.TryGetValue(out long wide)) return wide;
        if (value.TryGetValue(out int narrow)) return narrow;
        if (value.TryGetValue(out double real) && real is >= long.MinValue and <= long.MaxValue && Math.Floor(real) == real) return (long)real;
        return null;
    }

    public static string? AsText(this JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    /// <summary>The value as it reads in a selector, a table cell or an environment variable.</summary>
    public static string Display(this JsonNode? node) => node switch
    {
        null => "",
        JsonValue value when value.TryGetValue(out string? text) => text,
        JsonValue value when value.AsNumber() is { } number => number.ToString(CultureInfo.InvariantCulture),
        _ => node.ToJsonString(),
    };

    /// <summary>The object at <paramref name="path"/>, created with its parents when missing.</summary>
    public static JsonObject Ensure(this JsonObject node, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            if (node[name] is not JsonObject child)
            {
                child = [];
                node[name] = child;
            }

            node = child;
        }

        return node;
    }

    /// <summary>Sets a member unless it is there already with a value other than null.</summary>
    public static void Default(this JsonObject node, string name, JsonNode? value)
    {
        if (node[name] is null) node[name] = value;
    }

    public static JsonArray ToJsonArray(this IEnumerable<JsonNode?> items)
    {
        var array = new JsonArray();
        foreach (var item in items) array.Add(item);
        return array;
    }

    public static JsonArray ToJsonTexts(this IEnumerable<string> items)
    {
        var array = new JsonArray();
        foreach (var item in items) array.Add((JsonNode?)item);
        return array;
    }

    public static JsonObject Copy(this JsonObject node) => (JsonObject)node.DeepClone();

    public static bool Same(JsonNode? left, JsonNode? right) => JsonNode.DeepEquals(left, right);

    /// <summary>Parses a document into nodes that are complete in memory, hence safe to read from many threads.</summary>
    public static JsonNode? ParseComplete(ReadOnlySpan<byte> utf8)
    {
        var node = JsonNode.Parse(utf8, null, new JsonDocumentOptions { MaxDepth = 128 });
        Complete(node);
        return node;
    }

    public static byte[] ToUtf8(this JsonNode node)
    {
        using var buffer = new MemoryStream(512);
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions)) node.WriteTo(writer);
        return buffer.ToArray();
    }

    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private static void Complete(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                foreach (var (_, child) in members) Complete(child);
                break;
            case JsonArray items:
                foreach (var child in items) Complete(child);
                break;
        }
    }
}
