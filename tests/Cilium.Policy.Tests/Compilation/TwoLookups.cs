using Cilium.Core;

namespace Cilium.Policy.Tests.Compilation;

/// <summary>What the datapath does with compiled entries, by the words of the contract and without its data structures.</summary>
internal static class TwoLookups
{
    public static Verdict Decide(CompiledPolicy policy, Packet packet) =>
        (packet.Direction == TrafficDirection.Ingress ? policy.IngressEnforced : policy.EgressEnforced)
            ? Decide(policy.Entries, packet)
            : Verdict.Allowed;

    public static Verdict Decide(IEnumerable<PolicyEntry> entries, Packet packet)
    {
        var entry = Deciding(entries, packet);
        return entry is null ? Verdict.DeniedByDefault : entry.Value.Verdict.IsDeny ? Verdict.DeniedByRule : Verdict.Allowed;
    }

    /// <summary>The entry that decides, the peer's before everybody's when both say the same; null when none matches.</summary>
    public static PolicyEntry? Deciding(IEnumerable<PolicyEntry> entries, Packet packet)
    {
        var list = entries as IReadOnlyCollection<PolicyEntry> ?? [.. entries];
        var specific = Longest(list, packet, packet.Peer);
        var wildcard = Longest(list, packet, Identity.Unknown);
        if (specific is { Verdict.IsDeny: true } || wildcard is not { Verdict.IsDeny: true })
        {
            return specific ?? wildcard;
        }

        return wildcard;
    }

    private static PolicyEntry? Longest(IEnumerable<PolicyEntry> entries, Packet packet, Identity identity)
    {
        PolicyEntry? best = null;
        var bestLength = -1;
        foreach (var entry in entries)
        {
            var key = entry.Key;
            if (key.Direction != packet.Direction || key.Identity != identity)
            {
                continue;
            }

            var length = key.Protocol == L4Protocol.Any ? 0 : 8 + key.PortPrefixLength;
            var matches = key.Protocol == L4Protocol.Any
                || (key.Protocol == packet.Protocol && ((key.Port ^ packet.Port) & (0xffff0000 >> key.PortPrefixLength) & 0xffff) == 0);
            if (matches && length > bestLength)
            {
                (best, bestLength) = (entry, length);
            }
        }

        return best;
    }
}
