namespace Cilium.Core;

/// <summary>How a requirement compares.</summary>
public enum ObjectOperator
{
    /// <summary>The label has one of the values.</summary>
    In = 0,

    /// <summary>The label is absent or has none of the values.</summary>
    NotIn = 1,

    /// <summary>The label is present.</summary>
    Exists = 2,

    /// <summary>The label is absent.</summary>
    DoesNotExist = 3,
}

/// <summary>One requirement of a selector.</summary>
/// <param name="Key">The label's key.</param>
/// <param name="Operator">How it compares.</param>
/// <param name="Values">The values, for <see cref="ObjectOperator.In"/> and <see cref="ObjectOperator.NotIn"/>.</param>
public sealed record ObjectRequirement(string Key, ObjectOperator Operator, EquatableArray<string> Values)
{
    /// <summary>True when the labels meet the requirement.</summary>
    public bool Matches(IReadOnlyDictionary<string, string> labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        var isPresent = labels.TryGetValue(Key, out var value);
        return Operator switch
        {
            ObjectOperator.In => isPresent && Values.Contains(value!),
            ObjectOperator.NotIn => !isPresent || !Values.Contains(value!),
            ObjectOperator.Exists => isPresent,
            _ => !isPresent,
        };
    }
}

/// <summary>A Kubernetes label selector over the plain labels of an object: all requirements must be met; one without requirements selects everything.</summary>
public sealed record ObjectSelector
{
    /// <summary>The requirements.</summary>
    public EquatableArray<ObjectRequirement> Requirements { get; init; } = [];

    /// <summary>Selects objects that have all of some labels.</summary>
    public static ObjectSelector Of(IEnumerable<KeyValuePair<string, string>> matchLabels) => new()
    {
        Requirements = matchLabels.Select(label => new ObjectRequirement(label.Key, ObjectOperator.In, EquatableArray.Create([label.Value]))).ToEquatableArray(),
    };

    /// <summary>True when the labels meet all requirements.</summary>
    public bool Matches(IReadOnlyDictionary<string, string> labels)
    {
        foreach (var requirement in Requirements)
        {
            if (!requirement.Matches(labels))
            {
                return false;
            }
        }

        return true;
    }
}
