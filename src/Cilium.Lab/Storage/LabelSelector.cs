using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Storage;

internal enum SelectorOperator : byte
{
    In,
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

/// <summary>One condition on a label.</summary>
internal sealed record LabelRequirement(string Key, SelectorOperator Operator, IReadOnlyList<string> Values)
{
    public bool Matches(JsonObject? labels)
    {
        var value = labels?[Key].AsText();
        return Operator switch
        {
            SelectorOperator.Exists => value is not null,
            SelectorOperator.DoesNotExist => value is null,
            SelectorOperator.In => value is not null && Values.Contains(value),
            SelectorOperator.NotIn => value is null || !Values.Contains(value),
            SelectorOperator.GreaterThan => long.TryParse(value, out var have) && Values.Count == 1 && long.TryParse(Values[0], out var bound) && have > bound,
            _ => long.TryParse(value, out var have) && Values.Count == 1 && long.TryParse(Values[0], out var bound) && have < bound,
        };
    }
}

/// <summary>A conjunction of label requirements; the empty one matches everything.</summary>
internal sealed record LabelSelector(IReadOnlyList<LabelRequirement> Requirements)
{
    public static readonly LabelSelector Everything = new([]);

    public bool Matches(JsonObject? labels) => Requirements.All(requirement => requirement.Matches(labels));

    /// <summary>From an object's <c>matchLabels</c> and <c>matchExpressions</c>; null selects nothing.</summary>
    public static LabelSelector? FromObject(JsonObject? selector)
    {
        if (selector is null) return null;
        var requirements = new List<LabelRequirement>();
        foreach (var (key, value) in selector.Members("matchLabels") ?? [])
            requirements.Add(new LabelRequirement(key, SelectorOperator.In, [value.Display()]));
        foreach (var expression in selector.Items("matchExpressions"))
        {
            var operation = expression.Text("operator") switch
            {
                "In" => SelectorOperator.In,
                "NotIn" => SelectorOperator.NotIn,
                "Exists" => SelectorOperator.Exists,
                "DoesNotExist" => SelectorOperator.DoesNotExist,
                "Gt" => SelectorOperator.GreaterThan,
                "Lt" => SelectorOperator.LessThan,
                var other => throw ApiException.BadRequest($"\"{other}\" is not a valid label selector operator"),
            };
            requirements.Add(new LabelRequirement(expression.TextOr("", "key"), operation, [.. expression.Items("values").Select(value => value.Display())]));
        }

        return new LabelSelector(requirements);
    }

    /// <summary>From the query syntax: <c>a=b,c!=d,e in (f,g),!h,i</c>.</summary>
    public static LabelSelector Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text)) return Everything;
        var requirements = new List<LabelRequirement>();
        foreach (var part in SplitOutsideParentheses(text))
        {
            var term = part.Trim();
            if (term.Length == 0) continue;
            requirements.Add(ParseTerm(term));
        }

        return new LabelSelector(requirements);
    }

    private static LabelRequirement ParseTerm(string term)
    {
        if (term[0] == '!') return new LabelRequirement(term[1..].Trim(), SelectorOperator.DoesNotExist, []);
        var open = term.IndexOf('(', StringComparison.Ordinal);
        if (open > 0)
        {
            if (term[^1] != ')') throw ApiException.BadRequest($"unable to parse requirement: {term}");
            var head = term[..open].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var values = term[(open + 1)..^1].Split(',', StringSplitOptions.TrimEntries);
            if (head is not [var name, ("in" or "notin") and var word]) throw ApiException.BadRequest($"unable to parse requirement: {term}");
            return new LabelRequirement(name, word == "in" ? SelectorOperator.In : SelectorOperator.NotIn, values);
        }

        foreach (var (symbol, operation) in Symbols)
        {
            var index = term.IndexOf(symbol, StringComparison.Ordinal);
            if (index > 0) return new LabelRequirement(term[..index].Trim(), operation, [term[(index + symbol.Length)..].Trim()]);
        }

        if (term.Any(char.IsWhiteSpace) || term.Contains('=', StringComparison.Ordinal))
            throw ApiException.BadRequest($"unable to parse requirement: {term}");
        return new LabelRequirement(term, SelectorOperator.Exists, []);
    }

    private static readonly (string Symbol, SelectorOperator Operator)[] Symbols =
    [
        ("!=", SelectorOperator.NotIn), ("==", SelectorOperator.In), ("=", SelectorOperator.In),
        (">", SelectorOperator.GreaterThan), ("<", SelectorOperator.LessThan),
    ];

    private static IEnumerable<string> SplitOutsideParentheses(string text)
    {
        var depth = 0;
        var start = 0;
        for (var index = 0; index < text.Length; index++)
        {
            if (text[index] == '(') depth++;
            else if (text[index] == ')') depth--;
            else if (text[index] == ',' && depth == 0)
            {
                yield return text[start..index];
                start = index + 1;
            }
        }

        yield return text[start..];
    }
}
