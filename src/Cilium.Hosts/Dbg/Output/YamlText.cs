using System.Buffers;
using System.Text.Json;

namespace Cilium.Hosts.Dbg.Output;

/// <summary>Writes a JSON value as YAML blocks.</summary>
internal static class YamlText
{
    private static readonly SearchValues<char> Special = SearchValues.Create("\n\r\t\"\\{}[],&*#?|<>=!%@`'");

    public static void Write(TextWriter writer, JsonElement element) => Write(writer, element, 0, startsOnNewLine: false);

    private static void Write(TextWriter writer, JsonElement element, int indent, bool startsOnNewLine)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object when element.EnumerateObject().Any():
                foreach (var property in element.EnumerateObject())
                {
                    WriteIndent(writer, startsOnNewLine ? indent : 0);
                    startsOnNewLine = true;
                    writer.Write($"{Scalar(property.Name)}:");
                    WriteNested(writer, property.Value, indent, property.Value.ValueKind == JsonValueKind.Array ? 0 : 2);
                }

                break;
            case JsonValueKind.Array when element.GetArrayLength() > 0:
                foreach (var item in element.EnumerateArray())
                {
                    WriteIndent(writer, startsOnNewLine ? indent : 0);
                    startsOnNewLine = true;
                    writer.Write("- ");
                    Write(writer, item, indent + 2, startsOnNewLine: false);
                }

                break;
            default:
                writer.WriteLine(Leaf(element));
                break;
        }
    }

    private static void WriteNested(TextWriter writer, JsonElement value, int indent, int deeper)
    {
        var isBlock = (value.ValueKind == JsonValueKind.Object && value.EnumerateObject().Any())
            || (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0);
        if (isBlock)
        {
            writer.WriteLine();
            Write(writer, value, indent + deeper, startsOnNewLine: true);
        }
        else
        {
            writer.WriteLine($" {Leaf(value)}");
        }
    }

    private static void WriteIndent(TextWriter writer, int indent) => writer.Write(new string(' ', indent));

    private static string Leaf(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "{}",
        JsonValueKind.Array => "[]",
        JsonValueKind.String => Scalar(element.GetString()!),
        _ => element.GetRawText(),
    };

    private static string Scalar(string text)
    {
        var isPlain = text.Length != 0 && !char.IsWhiteSpace(text[0]) && !char.IsWhiteSpace(text[^1])
            && !text.AsSpan().ContainsAny(Special)
            && !text.Contains(": ", StringComparison.Ordinal) && !text.EndsWith(':') && !text.StartsWith('-')
            && text is not ("true" or "false" or "null" or "yes" or "no" or "on" or "off" or "~")
            && !double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out _);
        return isPlain ? text : $"\"{JsonEncodedText.Encode(text)}\"";
    }
}
