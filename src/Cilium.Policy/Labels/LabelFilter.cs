using Cilium.Core;

namespace Cilium.Policy;

/// <summary>Decides which labels become part of an identity.</summary>
/// <remarks>
/// A label passes when the longest include that matches its key is longer than the shortest exclude that does; without a user's include
/// (whitelist), also when no exclude matches. Expressions are anchored at the start of the key. Thread-safe.
/// </remarks>
public sealed class LabelFilter
{
    private static readonly string[] s_defaults =
    [
        @"reserved:.*",
        @"io\.kubernetes\.pod\.namespace",
        @"io\.cilium\.k8s\.namespace\.labels",
        @"app\.kubernetes\.io",
        @"io\.cilium\.k8s\.policy\.cluster",
        @"io\.cilium\.k8s\.policy\.serviceaccount",
        @"!io\.kubernetes",
        @"!kubernetes\.io",
        @"!statefulset\.kubernetes\.io/pod-name",
        @"!apps\.kubernetes\.io/pod-index",
        @"!batch\.kubernetes\.io/job-completion-index",
        @"!batch\.kubernetes\.io/controller-uid",
        @"!topology\.kubernetes\.io",
        @"!.*beta\.kubernetes\.io",
        @"!k8s\.io",
        @"!pod-template-generation",
        @"!pod-template-hash",
        @"!controller-revision-hash",
        @"!controller-uid",
        @"!annotation.*",
        @"!etcd_node",
    ];

    private readonly LabelPattern[] _patterns;
    private readonly bool _onlyIncluded;

    private LabelFilter(LabelPattern[] patterns, bool onlyIncluded)
    {
        _patterns = patterns;
        _onlyIncluded = onlyIncluded;
    }

    /// <summary>The built-in rules alone.</summary>
    public static LabelFilter Default { get; } = Parse("");

    /// <summary>The built-in rules and those of the <c>labels</c> option: <c>[source:][!]regex</c>, separated by spaces.</summary>
    /// <exception cref="FormatException">An entry is empty after its prefix or is no regular expression; the entry is named.</exception>
    public static LabelFilter Parse(string? labelsOption)
    {
        var patterns = s_defaults.Select(entry => new LabelPattern(entry)).ToList();
        var onlyIncluded = false;
        foreach (var entry in (labelsOption ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            var pattern = new LabelPattern(entry);
            onlyIncluded |= !pattern.IsExclude;
            patterns.Add(pattern);
        }

        return new LabelFilter([.. patterns], onlyIncluded);
    }

    /// <summary>True when the label is part of identities.</summary>
    public bool Includes(Label label)
    {
        int longestInclude = 0, shortestExclude = 0;
        foreach (var pattern in _patterns)
        {
            var length = pattern.MatchLength(label);
            if (length <= 0)
            {
                continue;
            }

            if (!pattern.IsExclude)
            {
                longestInclude = Math.Max(longestInclude, length);
            }
            else if (shortestExclude == 0 || length < shortestExclude)
            {
                shortestExclude = length;
            }
        }

        return (!_onlyIncluded && shortestExclude == 0) || longestInclude > shortestExclude;
    }

    /// <summary>The labels that pass.</summary>
    public LabelSet Apply(IEnumerable<Label> labels) => LabelSet.Create(labels.Where(Includes));
}
