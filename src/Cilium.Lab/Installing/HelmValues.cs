using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Installing;

/// <summary>Values as users of the chart write them: files merged in order, then <c>--set</c> expressions.</summary>
internal static class HelmValues
{
    /// <exception cref="FormatException">A file or expression cannot be read; the message names it.</exception>
    public static JsonObject Merge(IEnumerable<(string Name, string Yaml)> files, IEnumerable<string> expressions)
    {
        var result = new JsonObject();
        foreach (var (name, yaml) in files)
        {
            JsonNode? document;
            try
            {
                document = YamlReader.Read(yaml);
            }
            catch (FormatException failure)
            {
                throw new FormatException($"{name}: {failure.Message}", failure);
            }

            if (document is null) continue;
            MergeInto(result, document as JsonObject ?? throw new FormatException($"{name}: values must be a map"));
        }

        foreach (var expression in expressions)
        {
            foreach (var assignment in Split(expression)) Assign(result, assignment);
        }

        return result;
    }

    /// <summary>All leaves with their dotted paths; lists and empty maps are leaves.</summary>
    public static IEnumerable<(string Path, JsonNode? Value)> Leaves(JsonObject values, string prefix = "")
    {
        foreach (var (name, value) in values)
        {
            var path = prefix.Length == 0 ? name : $"{prefix}.{name}";
            if (value is JsonObject { Count: > 0 } child)
            {
                foreach (var leaf in Leaves(child, path)) yield return leaf;
            }
            else yield return (path, value);
        }
    }

    private static void MergeInto(JsonObject target, JsonObject source)
    {
        foreach (var (name, value) in source)
        {
            if (value is null) target.Remove(name);
            else if (value is JsonObject child && target[name] is JsonObject present) MergeInto(present, child);
            else target[name] = value.DeepClone();
        }
    }

    private static void Assign(JsonObject values, string assignment)
    {
        var at = assignment.IndexOf('=', StringComparison.Ordinal);
        if (at < 1) throw new FormatException($"--set {assignment}: expected key=value");
        var path = assignment[..at].Split('.');
        var parent = values.Ensure(path.AsSpan(0, path.Length - 1));
        var text = assignment[(at + 1)..];
        if (text == "null") parent.Remove(path[^1]);
        else parent[path[^1]] = Value(text);
    }

    private static JsonNode? Value(string text)
    {
        if (text.StartsWith('{') && text.EndsWith('}'))
            return text[1..^1].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(YamlReader.Scalar).ToJsonArray();
        if (text.Length == 0) return "";
        return YamlReader.Scalar(text.Replace("\\,", ",", StringComparison.Ordinal));
    }

    /// <summary>Splits at commas, but not inside braces nor where escaped.</summary>
    private static IEnumerable<string> Split(string expression)
    {
        var depth = 0;
        var start = 0;
        for (var index = 0; index < expression.Length; index++)
        {
            var escaped = index > 0 && expression[index - 1] == '\\';
            if (expression[index] == '{') depth++;
            else if (expression[index] == '}') depth--;
            else if (expression[index] == ',' && depth == 0 && !escaped)
            {
                yield return expression[start..index];
                start = index + 1;
            }
        }

        yield return expression[start..];
    }
}
