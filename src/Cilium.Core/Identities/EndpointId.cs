namespace Cilium.Core;

/// <summary>The number of an endpoint on its node, 1 to 65535; 0 is "no endpoint". Carried in events.</summary>
public readonly record struct EndpointId(ushort Value) : IComparable<EndpointId>
{
    /// <inheritdoc/>
    public int CompareTo(EndpointId other) => Value.CompareTo(other.Value);

    /// <summary>The decimal number.</summary>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Numeric order.</summary>
    public static bool operator <(EndpointId left, EndpointId right) => left.Value < right.Value;

    /// <summary>Numeric order.</summary>
    public static bool operator >(EndpointId left, EndpointId right) => left.Value > right.Value;

    /// <summary>Numeric order.</summary>
    public static bool operator <=(EndpointId left, EndpointId right) => left.Value <= right.Value;

    /// <summary>Numeric order.</summary>
    public static bool operator >=(EndpointId left, EndpointId right) => left.Value >= right.Value;
}
