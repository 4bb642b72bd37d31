using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Cilium.Hosts.Dbg.Output;

/// <summary>The <c>-o json|yaml|jsonpath=...</c> of a command; without it the command prints its own text.</summary>
internal static class OutputFormat
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Option<string?> Option() => new("--output", "-o") { Description = "json, yaml or jsonpath='{...}'." };

    /// <summary>Prints the value if a format was asked for; false if not.</summary>
    public static bool TryWrite<T>(ParseResult arguments, Option<string?> option, T value, JsonTypeInfo<T> type) =>
        arguments.GetValue(option) is { Length: > 0 } format
        && Write(arguments.InvocationConfiguration.Output, format, JsonSerializer.SerializeToElement(value, type));

    /// <summary>Prints a value as indented JSON.</summary>
    public static void WriteJson(TextWriter writer, JsonElement element)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Indented))
        {
            element.WriteTo(json);
        }

        writer.WriteLine(System.Text.Encoding.UTF8.GetString(stream.ToArray()));
    }

    private static bool Write(TextWriter writer, string format, JsonElement element)
    {
        if (format == "json")
        {
            WriteJson(writer, element);
        }
        else if (format is "yaml" or "yml")
        {
            YamlText.Write(writer, element);
        }
        else if (format.StartsWith("jsonpath=", StringComparison.Ordinal))
        {
            writer.Write(JsonPath.Format(format["jsonpath=".Length..], element));
        }
        else
        {
            throw new FormatException($"--output: '{format}' is not json, yaml or jsonpath=...");
        }

        return true;
    }
}
