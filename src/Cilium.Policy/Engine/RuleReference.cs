using Cilium.Core;

namespace Cilium.Policy;

/// <summary>A place in a policy object.</summary>
/// <param name="Origin">The object.</param>
/// <param name="Rule">The rule's number in the object (<c>specs</c>), from 0; -1 for what no object says.</param>
/// <param name="Direction">The section.</param>
/// <param name="IsDeny">True for its denies.</param>
/// <param name="Element">The element's number in the section, from 0; -1 for the rule as a whole.</param>
/// <param name="Description">The author's description of the rule; may be empty.</param>
public sealed record RuleReference(PolicyOrigin Origin, int Rule, TrafficDirection Direction, bool IsDeny, int Element, string Description)
{
    /// <summary>The place, with the author's description behind a colon where there is one.</summary>
    public string Described => Description.Length > 0 ? $"{this}: {Description}" : ToString();

    /// <summary><c>Kind namespace/name rule 0 ingress[1]</c>.</summary>
    public override string ToString()
    {
        if (Rule < 0)
            return Origin.ToString();
        var section = $"{(Direction == TrafficDirection.Ingress ? "ingress" : "egress")}{(IsDeny ? "Deny" : "")}";
        return $"{Origin} rule {Rule} {section}{(Element < 0 ? "" : $"[{Element}]")}";
    }
}
