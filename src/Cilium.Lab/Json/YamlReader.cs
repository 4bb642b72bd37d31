using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Cilium.Lab.Json;

/// <summary>Reads YAML 1.2 core documents as JSON.</summary>
internal static class YamlReader
{
    /// <exception cref="FormatException">The text is no YAML, or holds what JSON cannot.</exception>
    public static IReadOnlyList<JsonNode?> ReadAll(string text)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
            return [.. stream.Documents.Select(document => Convert(document.RootNode, 0))];
        }
        catch (YamlException failure)
        {
            throw new FormatException($"yaml: line {failure.Start.Line}: {failure.Message}", failure);
        }
        catch (Exception failure) when (failure is ArgumentException or InvalidOperationException)
        {
            throw new FormatException($"yaml: {failure.Message}", failure);
        }
    }

    public static JsonNode? Read(string text) => ReadAll(text) is [var first, ..] ? first : null;

    /// <summary>A plain scalar as YAML reads it: null, boolean, number or text.</summary>
    public static JsonNode? Scalar(string text)
    {
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return null;
            case "true" or "True" or "TRUE":
                return true;
            case "false" or "False" or "FALSE":
                return false;
        }

        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)) return whole;
        var numeric = text[0] is (>= '0' and <= '9') or '-' or '+' or '.' && text.All(c => c is (>= '0' and <= '9') or '-' or '+' or '.' or 'e' or 'E');
        if (numeric && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real)) return real;
        return text;
    }

    private static JsonNode? Convert(YamlNode node, int depth)
    {
        if (depth > 100) throw new FormatException("yaml: nested too deeply");
        switch (node)
        {
            case YamlMappingNode mapping:
                var members = new JsonObject();
                foreach (var (key, value) in mapping.Children)
                    members[(key as YamlScalarNode)?.Value ?? throw new FormatException("yaml: a key must be a scalar")] = Convert(value, depth + 1);
                return members;
            case YamlSequenceNode sequence:
                return sequence.Children.Select(child => Convert(child, depth + 1)).ToJsonArray();
            case YamlScalarNode scalar:
                return scalar.Style is ScalarStyle.Plain or ScalarStyle.Any ? Scalar(scalar.Value ?? "") : scalar.Value;
            default:
                throw new FormatException("yaml: unexpected node");
        }
    }
}
