namespace Cilium.ControlPlane.Addresses;

/// <summary>One object that says something of addresses.</summary>
/// <param name="Source">What kind of object.</param>
/// <param name="Namespace">Its namespace; empty where it has none.</param>
/// <param name="Name">Its name; empty where there is one of the kind.</param>
internal readonly record struct ClaimSource(AddressSource Source, string Namespace, string Name) : IComparable<ClaimSource>
{
    /// <summary>Of two claims about a prefix the smaller is believed: by kind, then by name, so that the order of arrival does not matter.</summary>
    public int CompareTo(ClaimSource other)
    {
        var order = Source.CompareTo(other.Source);
        order = order != 0 ? order : string.CompareOrdinal(Namespace, other.Namespace);
        return order != 0 ? order : string.CompareOrdinal(Name, other.Name);
    }
}
