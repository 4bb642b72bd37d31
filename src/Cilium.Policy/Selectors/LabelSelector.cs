using Cilium.Core;

namespace Cilium.Policy;

/// <summary>A conjunction of requirements on labels; without requirements it selects everything. Equal by content, order ignored.</summary>
/// <remarks>Thread-safe. The hash is computed once, since selectors are the keys of the selector cache.</remarks>
public sealed class LabelSelector : IEquatable<LabelSelector>
{
    private readonly int _hash;

    private LabelSelector(EquatableArray<LabelRequirement> requirements)
    {
        Requirements = requirements;
        _hash = requirements.GetHashCode();
    }

    /// <summary>Selects everything.</summary>
    public static LabelSelector All { get; } = new(default);

    /// <summary>The requirements, sorted and without duplicates.</summary>
    public EquatableArray<LabelRequirement> Requirements { get; }

    /// <summary>True when everything is selected.</summary>
    public bool IsWildcard => Requirements.Count == 0;

    /// <summary>Makes a selector.</summary>
    public static LabelSelector Create(params IEnumerable<LabelRequirement> requirements)
    {
        var sorted = requirements.Distinct().Order().ToEquatableArray();
        return sorted.Count == 0 ? All : new LabelSelector(sorted);
    }

    /// <summary>Makes a selector of equalities, each <c>[source:]key=value</c>.</summary>
    public static LabelSelector Parse(params IEnumerable<string> equalities) => Create(equalities.Select(text =>
    {
        var label = Label.Parse(text, Label.SourceAny);
        return new LabelRequirement(label.Source, label.Key, SelectorOperator.In, [label.Value]);
    }));

    /// <summary>This selector with further requirements.</summary>
    public LabelSelector And(params IEnumerable<LabelRequirement> requirements) => Create(Requirements.Concat(requirements));

    /// <summary>True when the labels meet every requirement.</summary>
    public bool Matches(LabelSet labels)
    {
        foreach (var requirement in Requirements.AsSpan())
        {
            if (!requirement.Matches(labels))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public bool Equals(LabelSelector? other) =>
        other is not null && (ReferenceEquals(this, other) || (_hash == other._hash && Requirements == other.Requirements));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as LabelSelector);

    /// <inheritdoc/>
    public override int GetHashCode() => _hash;

    /// <summary>The requirements, comma-separated; <c>&lt;all&gt;</c> without any.</summary>
    public override string ToString() => IsWildcard ? "<all>" : string.Join(',', Requirements);
}
