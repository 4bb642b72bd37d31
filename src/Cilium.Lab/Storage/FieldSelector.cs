using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Storage;

/// <summary>A conjunction of comparisons of fields with values: <c>spec.nodeName=n,status.phase!=Running</c>.</summary>
internal sealed record FieldSelector(IReadOnlyList<(string[] Path, string Value, bool Equal)> Terms)
{
    public static readonly FieldSelector Everything = new([]);

    public bool Matches(JsonObject json)
    {
        foreach (var (path, value, equal) in Terms)
        {
            if ((json.At(path).Display() == value) != equal) return false;
        }

        return true;
    }

    public static FieldSelector Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text)) return Everything;
        var terms = new List<(string[], string, bool)>();
        foreach (var term in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var index = term.IndexOf('=', StringComparison.Ordinal);
            if (index < 1) throw ApiException.BadRequest($"invalid selector: '{term}'; can't understand '{term}'");
            var equal = term[index - 1] != '!';
            var path = term[..(equal ? index : index - 1)];
            var value = term[(index + 1)..].TrimStart('=');
            terms.Add((path.Split('.'), value, equal));
        }

        return new FieldSelector(terms);
    }
}
