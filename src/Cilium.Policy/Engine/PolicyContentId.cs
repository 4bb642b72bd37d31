namespace Cilium.Policy;

/// <summary>Names the policy that equal subjects share, through all changes that come of identities alone; never used again.</summary>
/// <param name="Value">1 or more.</param>
public readonly record struct PolicyContentId(long Value)
{
    /// <summary>The decimal number.</summary>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
