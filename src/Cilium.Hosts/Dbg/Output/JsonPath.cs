using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Cilium.Hosts.Dbg.Output;

/// <summary>The part of Kubernetes' JSONPath templates that people use: fields, indices, wildcards, recursive descent, text and ranges.</summary>
internal static class JsonPath
{
    /// <summary>Fills a template such as <c>{range [*]}{.id}{"\n"}{end}</c>; a template without braces is one path.</summary>
    /// <exception cref="FormatException">The template cannot be read.</exception>
    public static string Format(string template, JsonElement root)
    {
        var text = template.Contains('{', StringComparison.Ordinal) ? template : $"{{{template}}}";
        var output = new StringBuilder();
        var at = 0;
        Fill(text, ref at, root, output, isWriting: true);
        return output.ToString();
    }

    /// <summary>The values a path leads to; missing fields lead to none.</summary>
    public static IReadOnlyList<JsonElement> Select(string path, JsonElement root)
    {
        IReadOnlyList<JsonElement> current = [root];
        var rest = path.AsSpan().Trim();
        rest = rest.StartsWith("$") || rest.StartsWith("@") ? rest[1..] : rest;
        while (!rest.IsEmpty)
        {
            if (rest[0] == '[')
            {
                var close = IndexOfClosing(rest, ']');
                if (close < 0)
                {
                    throw new FormatException($"jsonpath '{path}': '[' without ']'");
                }

                current = Index(current, rest[1..close].ToString().Trim());
                rest = rest[(close + 1)..];
                continue;
            }

            var isDescent = rest.StartsWith("..");
            rest = rest[0] == '.' ? rest[(isDescent ? 2 : 1)..] : rest;
            var (name, length) = Name(rest);
            if (length == 0)
            {
                if (rest.IsEmpty || rest[0] == '[')
                {
                    continue;
                }

                throw new FormatException($"jsonpath '{path}': a field name is missing");
            }

            current = [.. (isDescent ? current.SelectMany(Descend) : current).SelectMany(element => Field(element, name))];
            rest = rest[length..];
        }

        return current;
    }

    private static void Fill(string text, ref int at, JsonElement scope, StringBuilder output, bool isWriting)
    {
        while (at < text.Length)
        {
            if (text[at] != '{')
            {
                if (isWriting)
                {
                    output.Append(text[at]);
                }

                at++;
                continue;
            }

            var length = IndexOfClosing(text.AsSpan(at), '}');
            if (length < 0)
            {
                throw new FormatException("jsonpath: '{' without '}'");
            }

            var expression = text[(at + 1)..(at + length)].Trim();
            at += length + 1;
            if (expression == "end")
            {
                return;
            }

            if (expression.StartsWith("range ", StringComparison.Ordinal))
            {
                Repeat(text, ref at, isWriting ? Select(expression["range ".Length..], scope) : [], output);
            }
            else if (isWriting)
            {
                output.Append(expression is ['"' or '\'', ..] ? Unescape(expression[1..^1]) : Join(Select(expression, scope)));
            }
        }
    }

    private static void Repeat(string text, ref int at, IReadOnlyList<JsonElement> elements, StringBuilder output)
    {
        var body = at;
        foreach (var element in elements)
        {
            at = body;
            Fill(text, ref at, element, output, isWriting: true);
        }

        if (elements.Count == 0)
        {
            Fill(text, ref at, default, output, isWriting: false);
        }
    }

    private static (string Name, int Length) Name(ReadOnlySpan<char> rest)
    {
        var name = new StringBuilder();
        var i = 0;
        for (; i < rest.Length && rest[i] is not ('.' or '['); i++)
        {
            // A dot within a name is written \.
            if (rest[i] == '\\' && i + 1 < rest.Length)
            {
                i++;
            }

            name.Append(rest[i]);
        }

        return (name.ToString(), i);
    }

    private static JsonElement[] Index(IReadOnlyList<JsonElement> current, string index)
    {
        if (index == "*")
        {
            return [.. current.SelectMany(Children)];
        }

        if (index is ['\'' or '"', .., '\'' or '"'])
        {
            return [.. current.SelectMany(element => Field(element, index[1..^1]))];
        }

        if (!int.TryParse(index, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            throw new FormatException($"jsonpath: '[{index}]' is not supported");
        }

        return [.. current.Where(element => element.ValueKind == JsonValueKind.Array)
            .Select(element => (element, at: number < 0 ? element.GetArrayLength() + number : number))
            .Where(pair => pair.at >= 0 && pair.at < pair.element.GetArrayLength())
            .Select(pair => pair.element[pair.at])];
    }

    private static JsonElement[] Field(JsonElement element, string name)
    {
        if (name == "*")
        {
            return Children(element);
        }

        return element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) ? [value] : [];
    }

    private static JsonElement[] Children(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Array => [.. element.EnumerateArray()],
        JsonValueKind.Object => [.. element.EnumerateObject().Select(property => property.Value)],
        _ => [],
    };

    private static IEnumerable<JsonElement> Descend(JsonElement element) => [element, .. Children(element).SelectMany(Descend)];

    private static string Join(IEnumerable<JsonElement> elements) =>
        string.Join(' ', elements.Select(element => element.ValueKind == JsonValueKind.String ? element.GetString() : element.GetRawText()));

    // Brackets in quotes are text.
    private static int IndexOfClosing(ReadOnlySpan<char> text, char bracket)
    {
        var quote = '\0';
        for (var i = 0; i < text.Length; i++)
        {
            if (quote != '\0' && text[i] == '\\')
            {
                i++;
            }
            else if (quote != '\0')
            {
                quote = text[i] == quote ? '\0' : quote;
            }
            else if (text[i] is '"' or '\'')
            {
                quote = text[i];
            }
            else if (text[i] == bracket)
            {
                return i;
            }
        }

        return -1;
    }

    private static string Unescape(string text)
    {
        var plain = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || i + 1 == text.Length)
            {
                plain.Append(text[i]);
                continue;
            }

            i++;
            plain.Append(text[i] switch { 'n' => '\n', 't' => '\t', var other => other });
        }

        return plain.ToString();
    }
}
