namespace Cilium.Api;

/// <summary>Which entry of an endpoint's policy is asked about.</summary>
/// <param name="Direction"><c>ingress</c> or <c>egress</c>, from the endpoint's point of view.</param>
/// <param name="Entry">The entry; null for the rules that switch default deny on.</param>
public sealed record PolicyRulesQuestion(string Direction, PolicyRulesEntry? Entry)
{
    /// <summary>The question as the query of a URL, without the question mark.</summary>
    public string ToQuery() => Entry is null
        ? $"direction={Direction}"
        : string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"direction={Direction}&identity={Entry.Identity}&protocol={Entry.Protocol}&port={Entry.Port}&port-prefix={Entry.PortPrefix}");
}

/// <summary>The key of an entry of a compiled policy, as <c>cilium-dbg bpf policy get</c> shows it.</summary>
/// <param name="Identity">The peer; 0 for any.</param>
/// <param name="Protocol">The number of the protocol; 0 for any.</param>
/// <param name="Port">The destination port; 0 with a prefix of 0 for any.</param>
/// <param name="PortPrefix">Leading bits of the port that are compared: 0 to 16.</param>
public sealed record PolicyRulesEntry(uint Identity, byte Protocol, ushort Port, byte PortPrefix);

/// <summary>Where an entry of an endpoint's policy comes from.</summary>
public sealed class PolicyRulesModel
{
    /// <summary>Places in policy objects, as <c>Kind namespace/name rule 0 ingress[1]: description</c>, sorted; empty when the policy has no such entry.</summary>
    public IReadOnlyList<string>? DerivedFromRules { get; set; }
}
