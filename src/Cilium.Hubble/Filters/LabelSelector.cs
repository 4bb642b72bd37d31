using Cilium.Core;
using Google.Protobuf.Collections;

namespace Cilium.Hubble.Filters;

/// <summary>A label selector in Kubernetes' text form, over labels that have sources.</summary>
/// <remarks>
/// <c>a=b</c>, <c>a==b</c>, <c>a!=b</c>, <c>a in (b,c)</c>, <c>a notin (b,c)</c>, <c>a</c>, <c>!a</c>, joined by commas. A key may begin with a
/// source and a colon; without one, or with <c>any:</c>, labels of every source match. An empty selector matches everything.
/// </remarks>
public sealed class LabelSelector
{
    private readonly Requirement[] _requirements;

    private LabelSelector(Requirement[] requirements) => _requirements = requirements;

    /// <summary>Reads a selector; null and the reason when it cannot be read.</summary>
    public static LabelSelector? TryParse(string text, out string error)
    {
        ArgumentNullException.ThrowIfNull(text);
        var requirements = new List<Requirement>();
        error = "";
        if (string.IsNullOrWhiteSpace(text))
        {
            return new LabelSelector([]);
        }

        foreach (var part in SplitOutsideParentheses(text))
        {
            if (ParseRequirement(part.Trim()) is not { } requirement)
            {
                error = $"'{part.Trim()}' is no label requirement";
                return null;
            }

            requirements.Add(requirement);
        }

        return new LabelSelector([.. requirements]);
    }

    /// <summary>True when the labels, each written <c>source:key=value</c>, meet every requirement.</summary>
    public bool Matches(IEnumerable<string> labels)
    {
        var parsed = labels.Select(label => Label.Parse(label)).ToArray();
        return Array.TrueForAll(_requirements, requirement => requirement.IsMet(parsed));
    }

    internal static Func<Proto.Flow, bool> Condition(string field, string value, Func<Proto.Flow, RepeatedField<string>?> labels)
    {
        var selector = TryParse(value, out var error) ?? throw new FlowFilterException(field, error);
        return flow => labels(flow) is { } found && selector.Matches(found);
    }

    private static IEnumerable<string> SplitOutsideParentheses(string text)
    {
        int depth = 0, start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            depth += text[i] switch { '(' => 1, ')' => -1, _ => 0 };
            if (text[i] == ',' && depth == 0)
            {
                yield return text[start..i];
                start = i + 1;
            }
        }

        yield return text[start..];
    }

    private static Requirement? ParseRequirement(string text)
    {
        if (text.StartsWith('!'))
        {
            return Make(text[1..].Trim(), [], mustHave: false);
        }

        var open = text.IndexOf('(', StringComparison.Ordinal);
        if (open >= 0)
        {
            var words = text[..open].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length != 2 || !text.EndsWith(')') || words[1] is not ("in" or "notin"))
            {
                return null;
            }

            var values = text[(open + 1)..^1].Split(',', StringSplitOptions.TrimEntries);
            return Make(words[0], values, mustHave: words[1] == "in");
        }

        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0)
        {
            return Make(text, [], mustHave: true);
        }

        var isNot = equals > 0 && text[equals - 1] == '!';
        var key = text[..(isNot ? equals - 1 : equals)].Trim();
        return Make(key, [text[(equals + 1)..].TrimStart('=').Trim()], mustHave: !isNot);
    }

    private static Requirement? Make(string key, string[] values, bool mustHave)
    {
        if (key.Length == 0 || key.AsSpan().ContainsAny(" ()!="))
        {
            return null;
        }

        var colon = key.IndexOf(':', StringComparison.Ordinal);
        return colon < 0
            ? new Requirement(Label.SourceAny, key, values, mustHave)
            : new Requirement(key[..colon], key[(colon + 1)..], values, mustHave);
    }

    private sealed record Requirement(string Source, string Key, string[] Values, bool MustHave)
    {
        public bool IsMet(Label[] labels)
        {
            var has = Array.Exists(labels, label => label.Key == Key
                && (Source == Label.SourceAny || label.Source == Source)
                && (Values.Length == 0 || Array.IndexOf(Values, label.Value) >= 0));
            return has == MustHave;
        }
    }
}
