using Cilium.Core;
using Cilium.Datapath.Maps;
using EntryKey = Cilium.Datapath.Maps.PolicyKey;

namespace Cilium.Datapath.Policies;

/// <summary>A compiled policy as its map has it.</summary>
internal static class PolicyContent
{
    private const byte IdentityBits = 40;
    private const byte ProtocolBits = 48;

    internal static Dictionary<EntryKey, PolicyValue> Of(PolicyRow row)
    {
        var content = new Dictionary<EntryKey, PolicyValue>(row.Entries.Count);
        foreach (var (key, verdict) in row.Entries)
        {
            var bits = key.Protocol == L4Protocol.Any ? IdentityBits : (byte)(ProtocolBits + key.PortPrefixLength);
            var hasPort = bits > ProtocolBits;
            content[new EntryKey(bits, key.Identity.Value, (PolicyDirection)key.Direction, (byte)key.Protocol, NetPort.From(hasPort ? key.Port : (ushort)0))] =
                new PolicyValue(verdict.IsDeny ? PolicyFlags.Deny : PolicyFlags.None, bits, NetPort.From(verdict.ProxyPort), 0, 0, 0, 0, Counter: 0);
        }
        return content;
    }

    /// <summary>Whether both say the same; which counters the entries have does not matter.</summary>
    internal static bool AreEqual(Dictionary<EntryKey, PolicyValue> left, Dictionary<EntryKey, PolicyValue> right) =>
        left.Count == right.Count && left.All(entry => right.TryGetValue(entry.Key, out var value) && SayTheSame(value, entry.Value));

    internal static bool SayTheSame(PolicyValue left, PolicyValue right) => left with { Counter = 0 } == right with { Counter = 0 };

    internal static bool IsDeny(PolicyValue value) => (value.Flags & PolicyFlags.Deny) != 0;
}
