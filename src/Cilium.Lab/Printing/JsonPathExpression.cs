using System.Globalization;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Printing;

/// <summary>
/// The part of JSONPath that printer columns use: members, indexes, <c>[*]</c> and filters of the form <c>[?(@.type=="Ready")]</c>.
/// </summary>
internal static class JsonPathExpression
{
    public static IReadOnlyList<JsonNode> Evaluate(JsonNode document, string path)
    {
        IEnumerable<JsonNode> nodes = [document];
        var text = path.Trim().TrimStart('{').TrimEnd('}').TrimStart('$');
        var position = 0;
        while (position < text.Length)
        {
            if (text[position] == '.')
            {
                position++;
                continue;
            }

            if (text[position] == '[')
            {
                var end = Closing(text, position);
                if (end < 0) return [];
                nodes = Index(nodes, text[(position + 1)..end]);
                position = end + 1;
                continue;
            }

            var start = position;
            while (position < text.Length && text[position] is not ('.' or '[')) position += text[position] == '\\' ? 2 : 1;
            var name = text[start..Math.Min(position, text.Length)].Replace("\\", "", StringComparison.Ordinal);
            nodes = name == "*" ? nodes.SelectMany(Children) : nodes.Select(node => node.At(name)).OfType<JsonNode>();
        }

        return [.. nodes];
    }

    private static IEnumerable<JsonNode> Index(IEnumerable<JsonNode> nodes, string inside)
    {
        if (inside == "*") return nodes.SelectMany(Children);
        if (inside.StartsWith("?(", StringComparison.Ordinal)) return nodes.SelectMany(Children).Where(Filter(inside[2..].TrimEnd(')')));
        if (inside.Length > 1 && inside[0] is '\'' or '"') return nodes.Select(node => node.At(inside.Trim('\'', '"'))).OfType<JsonNode>();
        return int.TryParse(inside, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var index)
            ? nodes.OfType<JsonArray>().Select(items => Item(items, index)).OfType<JsonNode>()
            : [];
    }

    private static JsonNode? Item(JsonArray items, int index)
    {
        if (index < 0) index += items.Count;
        return index >= 0 && index < items.Count ? items[index] : null;
    }

    private static Func<JsonNode, bool> Filter(string condition)
    {
        var at = condition.IndexOf("==", StringComparison.Ordinal);
        if (at < 0) return node => Evaluate(node, condition.Trim().TrimStart('@')).Count > 0;
        var path = condition[..at].Trim().TrimStart('@');
        var value = condition[(at + 2)..].Trim().Trim('\'', '"');
        return node => Evaluate(node, path).Any(found => found.Display() == value);
    }

    private static IEnumerable<JsonNode> Children(JsonNode node) => node switch
    {
        JsonArray items => items.OfType<JsonNode>(),
        JsonObject members => members.Select(pair => pair.Value).OfType<JsonNode>(),
        _ => [],
    };

    private static int Closing(string text, int open)
    {
        var quote = '\0';
        for (var index = open + 1; index < text.Length; index++)
        {
            if (quote != '\0')
            {
                if (text[index] == quote) quote = '\0';
            }
            else if (text[index] is '\'' or '"') quote = text[index];
            else if (text[index] == ']') return index;
        }

        return -1;
    }
}
