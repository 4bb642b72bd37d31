using Cilium.Core;

namespace Cilium.Policy;

/// <summary>How a requirement compares the value of a label.</summary>
public enum SelectorOperator
{
    /// <summary>A label with the key has one of the values.</summary>
    In = 0,

    /// <summary>No label with the key has one of the values; also true without such a label.</summary>
    NotIn = 1,

    /// <summary>A label with the key exists.</summary>
    Exists = 2,

    /// <summary>No label with the key exists.</summary>
    DoesNotExist = 3,
}

/// <summary>One condition of a selector on the labels of one key.</summary>
/// <param name="Source">The source of the label; <see cref="Label.SourceAny"/> for every source.</param>
/// <param name="Key">The key without its source.</param>
/// <param name="Operator">The comparison.</param>
/// <param name="Values">Sorted, without duplicates; empty for the two existence operators.</param>
public sealed record LabelRequirement(string Source, string Key, SelectorOperator Operator, EquatableArray<string> Values)
    : IComparable<LabelRequirement>
{
    /// <summary>Makes a requirement from a key as users write it, <c>[source:]key</c>.</summary>
    public static LabelRequirement Create(string qualifiedKey, SelectorOperator comparison, params IEnumerable<string> values)
    {
        ArgumentNullException.ThrowIfNull(qualifiedKey);
        var colon = qualifiedKey.IndexOf(':', StringComparison.Ordinal);
        var source = colon <= 0 ? Label.SourceAny : qualifiedKey[..colon];
        return new LabelRequirement(source, qualifiedKey[(colon + 1)..], comparison, values.Order(StringComparer.Ordinal).Distinct().ToEquatableArray());
    }

    /// <summary>True when the labels meet the condition.</summary>
    public bool Matches(LabelSet labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        foreach (var label in labels.AsSpan())
        {
            if (label.Key == Key && (Source == Label.SourceAny || Source == label.Source))
            {
                switch (Operator)
                {
                    case SelectorOperator.Exists:
                        return true;
                    case SelectorOperator.DoesNotExist:
                        return false;
                    default:
                        if (Values.AsSpan().Contains(label.Value))
                        {
                            return Operator == SelectorOperator.In;
                        }

                        break;
                }
            }
        }

        return Operator is SelectorOperator.NotIn or SelectorOperator.DoesNotExist;
    }

    /// <summary>Order by key, source, operator, values.</summary>
    public int CompareTo(LabelRequirement? other)
    {
        if (other is null)
        {
            return 1;
        }

        var order = string.CompareOrdinal(Key, other.Key);
        order = order != 0 ? order : string.CompareOrdinal(Source, other.Source);
        order = order != 0 ? order : Operator.CompareTo(other.Operator);
        return order != 0 ? order : string.CompareOrdinal(string.Join('\0', Values), string.Join('\0', other.Values));
    }

    /// <summary>The requirement as text, in the manner of Kubernetes.</summary>
    public override string ToString() => Operator switch
    {
        SelectorOperator.Exists => $"{Source}:{Key}",
        SelectorOperator.DoesNotExist => $"!{Source}:{Key}",
        SelectorOperator.In when Values.Count == 1 => $"{Source}:{Key}={Values[0]}",
        SelectorOperator.In => $"{Source}:{Key} in ({string.Join(',', Values)})",
        _ => $"{Source}:{Key} notin ({string.Join(',', Values)})",
    };

    /// <summary>Order by key, source, operator, values.</summary>
    public static bool operator <(LabelRequirement left, LabelRequirement right) => left.CompareTo(right) < 0;

    /// <summary>Order by key, source, operator, values.</summary>
    public static bool operator >(LabelRequirement left, LabelRequirement right) => left.CompareTo(right) > 0;

    /// <summary>Order by key, source, operator, values.</summary>
    public static bool operator <=(LabelRequirement left, LabelRequirement right) => left.CompareTo(right) <= 0;

    /// <summary>Order by key, source, operator, values.</summary>
    public static bool operator >=(LabelRequirement left, LabelRequirement right) => left.CompareTo(right) >= 0;
}
