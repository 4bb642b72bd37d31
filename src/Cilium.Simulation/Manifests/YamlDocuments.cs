using System.Buffers;
using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Cilium.Simulation.Manifests;

/// <summary>Reads the documents of a YAML or JSON file.</summary>
internal static class YamlDocuments
{
    private const int DeepestNesting = 64;
    private static readonly SearchValues<char> s_ofNumbers = SearchValues.Create("0123456789+-.eE");

    /// <summary>The documents, numbered from 1; empty ones are left out.</summary>
    /// <exception cref="ManifestException">The text is no YAML, or holds what JSON cannot.</exception>
    internal static IEnumerable<(int Number, JsonNode Root)> Read(string file, string text)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException broken)
        {
            throw new ManifestException(file, 0, $"line {broken.Start.Line}", broken.Message);
        }
        catch (Exception broken) when (broken is ArgumentException or InvalidOperationException)
        {
            throw new ManifestException(file, 0, "", broken.Message);
        }
        var number = 0;
        foreach (var document in stream.Documents)
        {
            number++;
            if (Convert(file, number, document.RootNode, 0) is { } root)
                yield return (number, root);
        }
    }

    private static JsonNode? Convert(string file, int document, YamlNode node, int depth)
    {
        if (depth > DeepestNesting)
            throw new ManifestException(file, document, "", "nested too deeply");
        switch (node)
        {
            case YamlMappingNode mapping:
                var members = new JsonObject();
                foreach (var (key, value) in mapping.Children)
                {
                    var name = (key as YamlScalarNode)?.Value ?? throw new ManifestException(file, document, $"line {key.Start.Line}", "a key must be a text");
                    members[name] = Convert(file, document, value, depth + 1);
                }
                return members;
            case YamlSequenceNode sequence:
                return new JsonArray([.. sequence.Children.Select(child => Convert(file, document, child, depth + 1))]);
            case YamlScalarNode { Style: ScalarStyle.Plain or ScalarStyle.Any } scalar:
                return Plain(scalar.Value ?? "");
            case YamlScalarNode scalar:
                return JsonValue.Create(scalar.Value);
            default:
                throw new ManifestException(file, document, $"line {node.Start.Line}", "neither a mapping, a list nor a value");
        }
    }

    /// <summary>What a scalar without quotes means (YAML 1.2, core schema).</summary>
    private static JsonValue? Plain(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => null,
        "true" or "True" or "TRUE" => JsonValue.Create(true),
        "false" or "False" or "FALSE" => JsonValue.Create(false),
        _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => JsonValue.Create(whole),
        _ when !text.AsSpan().ContainsAnyExcept(s_ofNumbers) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real)
            && double.IsFinite(real) => JsonValue.Create(real),
        _ => JsonValue.Create(text),
    };
}
