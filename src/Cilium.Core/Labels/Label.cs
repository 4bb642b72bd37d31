namespace Cilium.Core;

/// <summary>One identity label: where it came from, its key and its value; printed <c>source:key=value</c>.</summary>
/// <param name="Source">The origin: <c>k8s</c>, <c>reserved</c>, <c>cidr</c>, ...</param>
/// <param name="Key">The key, without the source.</param>
/// <param name="Value">The value; may be empty.</param>
public readonly record struct Label(string Source, string Key, string Value) : IComparable<Label>
{
    /// <summary>Labels of Kubernetes objects.</summary>
    public const string SourceK8s = "k8s";

    /// <summary>Labels of reserved identities.</summary>
    public const string SourceReserved = "reserved";

    /// <summary>Labels of CIDR identities.</summary>
    public const string SourceCidr = "cidr";

    /// <summary>In selectors: matches any source.</summary>
    public const string SourceAny = "any";

    /// <summary>Parses <c>[source:]key[=value]</c>; a missing source is <paramref name="defaultSource"/>.</summary>
    public static Label Parse(string text, string defaultSource = "unspec")
    {
        ArgumentNullException.ThrowIfNull(text);
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        var head = equals < 0 ? text : text[..equals];
        var value = equals < 0 ? "" : text[(equals + 1)..];
        var colon = head.IndexOf(':', StringComparison.Ordinal);
        return colon < 0
            ? new Label(defaultSource, head, value)
            : new Label(colon == 0 ? defaultSource : head[..colon], head[(colon + 1)..], value);
    }

    /// <summary><c>source:key</c>, as CiliumIdentity objects write their keys.</summary>
    public string QualifiedKey => $"{Source}:{Key}";

    /// <summary>Order by key, then source, then value (ordinal).</summary>
    public int CompareTo(Label other)
    {
        var order = string.CompareOrdinal(Key, other.Key);
        order = order != 0 ? order : string.CompareOrdinal(Source, other.Source);
        return order != 0 ? order : string.CompareOrdinal(Value, other.Value);
    }

    /// <summary><c>source:key=value</c>, without <c>=</c> when the value is empty.</summary>
    public override string ToString() => Value.Length == 0 ? $"{Source}:{Key}" : $"{Source}:{Key}={Value}";

    /// <summary>Order by key, then source.</summary>
    public static bool operator <(Label left, Label right) => left.CompareTo(right) < 0;

    /// <summary>Order by key, then source.</summary>
    public static bool operator >(Label left, Label right) => left.CompareTo(right) > 0;

    /// <summary>Order by key, then source.</summary>
    public static bool operator <=(Label left, Label right) => left.CompareTo(right) <= 0;

    /// <summary>Order by key, then source.</summary>
    public static bool operator >=(Label left, Label right) => left.CompareTo(right) >= 0;
}
