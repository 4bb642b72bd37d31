namespace Cilium.ControlPlane.Addresses;

/// <summary>One object that says something of addresses.</summary>
/// <param name="Source">What kind of object.</param>
/// <param name="Namespace">Its namespace; empty where it has none.</param>
/// <param name="Name">Its name; empty where there is one of the kind.</param>
/// <param name="CreatedAt">When it was created, in seconds since 1970, if of objects of its kind the newer is believed; else 0.</param>
internal readonly record struct ClaimSource(AddressSource Source, string Namespace, string Name, uint CreatedAt = 0) : IComparable<ClaimSource>
{
    /// <summary>Of two claims about a prefix the smaller is believed: by kind, then the newer, then by name, so that the order of arrival does not matter.</summary>
    public int CompareTo(ClaimSource other)
    {
        var order = Source.CompareTo(other.Source);
        order = order != 0 ? order : other.CreatedAt.CompareTo(CreatedAt);
        order = order != 0 ? order : string.CompareOrdinal(Namespace, other.Namespace);
        return order != 0 ? order : string.CompareOrdinal(Name, other.Name);
    }
}
