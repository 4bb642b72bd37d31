using Cilium.Core;
using Cilium.Policy;

namespace Cilium.Kubernetes.Policies;

/// <summary>Reads label selectors.</summary>
/// <param name="filter">Which labels identities have: a selector on another one selects less than its author thinks.</param>
/// <param name="warnings">Where such selectors are noted.</param>
internal sealed class SelectorDecoder(LabelFilter filter, List<PolicyIssue> warnings)
{
    /// <summary>Reads a selector whose keys may carry a source, as <c>k8s:app</c>.</summary>
    public LabelSelector DecodeWithSources(JsonField field) => LabelSelector.Create(Requirements(field, key =>
    {
        var colon = key.IndexOf(':', StringComparison.Ordinal);
        return colon <= 0 ? (Label.SourceAny, key[(colon + 1)..]) : (key[..colon], key[(colon + 1)..]);
    }));

    /// <summary>Reads a selector of Kubernetes, whose keys all come from Kubernetes.</summary>
    /// <param name="field">The selector.</param>
    /// <param name="keyPrefix">What stands before each key in identities.</param>
    public IReadOnlyList<LabelRequirement> DecodeKubernetes(JsonField field, string keyPrefix) =>
        [.. Requirements(field, key => (Label.SourceK8s, key), keyPrefix)];

    /// <summary>Notes what the author may not expect.</summary>
    public void Warn(JsonField field, string message) => warnings.Add(new PolicyIssue(field.Path, message));

    private IEnumerable<LabelRequirement> Requirements(JsonField field, Func<string, (string Source, string Key)> split, string keyPrefix = "")
    {
        if (!field.IsObjectOf("matchLabels", "matchExpressions"))
        {
            yield break;
        }

        foreach (var (key, value) in field["matchLabels"].Members())
        {
            yield return Requirement(value, split(key), keyPrefix, SelectorOperator.In, [ValueOf(value)]);
        }

        foreach (var expression in field["matchExpressions"].Items())
        {
            if (!expression.IsObjectOf("key", "operator", "values"))
            {
                continue;
            }

            var key = expression["key"].RequiredText();
            var values = expression["values"].Items().Select(ValueOf).ToArray();
            if (!Enum.TryParse<SelectorOperator>(expression["operator"].RequiredText(), out var comparison)
                || comparison.ToString() != expression["operator"].Text())
            {
                expression["operator"].Fail("must be In, NotIn, Exists or DoesNotExist");
                continue;
            }

            if (comparison is SelectorOperator.In or SelectorOperator.NotIn ? values.Length == 0 : values.Length > 0)
            {
                expression["values"].Fail($"must {(values.Length == 0 ? "not " : "")}be empty with operator {comparison}");
            }

            yield return Requirement(expression["key"], split(key), keyPrefix, comparison, values);
        }
    }

    private LabelRequirement Requirement(
        JsonField field, (string Source, string Key) name, string keyPrefix, SelectorOperator comparison, IReadOnlyCollection<string> values)
    {
        if (!IsLabelKey(name.Key, name.Source))
        {
            field.Fail($"'{name.Key}' is no label key");
        }

        var key = keyPrefix + name.Key;
        if (name.Source is Label.SourceK8s or Label.SourceAny && !filter.Includes(new Label(Label.SourceK8s, key, "")))
        {
            Warn(field, $"label '{name.Key}' is not part of identities (option labels), so no endpoint is known by it");
        }

        return new LabelRequirement(name.Source, key, comparison, values.Order(StringComparer.Ordinal).Distinct().ToEquatableArray());
    }

    private static string ValueOf(JsonField field)
    {
        var value = field.RequiredText();
        if (value.Length > 63 || (value.Length > 0 && !IsLabelName(value)))
        {
            field.Fail($"'{value}' is no label value");
        }

        return value;
    }

    private static bool IsLabelKey(string key, string source)
    {
        if (source is not (Label.SourceK8s or Label.SourceAny))
        {
            return key.Length is > 0 and <= 317;
        }

        var slash = key.IndexOf('/', StringComparison.Ordinal);
        var name = key[(slash + 1)..];

        // The labels of a namespace stand in the keys of endpoints with a prefix that ends in a dot, which makes some names long.
        var limit = key.StartsWith(K8sLabelKeys.NamespaceLabelPrefix, StringComparison.Ordinal) ? 63 + K8sLabelKeys.NamespaceLabelPrefix.Length : 63;
        return (slash < 0 || slash is > 0 and <= 253) && name.Length > 0 && name.Length <= limit && IsLabelName(name)
            && (slash < 0 || IsLabelName(key[..slash]));
    }

    private static bool IsLabelName(string text) =>
        text.Length > 0 && char.IsAsciiLetterOrDigit(text[0]) && char.IsAsciiLetterOrDigit(text[^1])
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
