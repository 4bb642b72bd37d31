using Cilium.Core;

namespace Cilium.Policy;

/// <summary>A port that a pod gave a name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Protocol">The protocol.</param>
/// <param name="Port">The number, host order.</param>
public readonly record struct NamedPort(string Name, L4Protocol Protocol, ushort Port) : IComparable<NamedPort>
{
    /// <summary>Order by name, protocol, port.</summary>
    public int CompareTo(NamedPort other)
    {
        var order = string.CompareOrdinal(Name, other.Name);
        order = order != 0 ? order : ((byte)Protocol).CompareTo((byte)other.Protocol);
        return order != 0 ? order : Port.CompareTo(other.Port);
    }

    /// <summary>Sorted and without duplicates, as the keys of subjects want it.</summary>
    public static EquatableArray<NamedPort> Normalize(IEnumerable<NamedPort> ports) => ports.Distinct().Order().ToEquatableArray();

    /// <summary>Order by name, protocol, port.</summary>
    public static bool operator <(NamedPort left, NamedPort right) => left.CompareTo(right) < 0;

    /// <summary>Order by name, protocol, port.</summary>
    public static bool operator >(NamedPort left, NamedPort right) => left.CompareTo(right) > 0;

    /// <summary>Order by name, protocol, port.</summary>
    public static bool operator <=(NamedPort left, NamedPort right) => left.CompareTo(right) <= 0;

    /// <summary>Order by name, protocol, port.</summary>
    public static bool operator >=(NamedPort left, NamedPort right) => left.CompareTo(right) >= 0;
}
