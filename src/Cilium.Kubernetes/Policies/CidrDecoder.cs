using Cilium.Core;
using Cilium.Policy;

namespace Cilium.Kubernetes.Policies;

/// <summary>Reads prefixes of rule elements.</summary>
internal static class CidrDecoder
{
    /// <summary>Reads an entry of <c>fromCIDR</c> or <c>toCIDR</c>: a prefix or an address.</summary>
    public static IEnumerable<PeerSelector> Decode(JsonField field)
    {
        var text = field.RequiredText();
        if (CidrPeer.TryParse(text, out var peer))
        {
            return [peer];
        }

        field.Fail($"'{text}' is neither a CIDR nor an address");
        return [];
    }

    /// <summary>Reads an entry of <c>fromCIDRSet</c> or <c>toCIDRSet</c>.</summary>
    public static IEnumerable<PeerSelector> DecodeSet(JsonField entry)
    {
        if (!entry.IsObjectOf("cidr", "except", "cidrGroupRef", "cidrGroupSelector"))
        {
            return [];
        }

        foreach (var group in (string[])["cidrGroupRef", "cidrGroupSelector"])
        {
            if (entry[group].IsPresent)
            {
                entry[group].FailUnsupported("CIDR groups");
                return [];
            }
        }

        return DecodeWithExcept(entry, isWorldByLength: false);
    }

    /// <summary>Reads the <c>ipBlock</c> of a NetworkPolicy. One of length 0 is the whole world however it is written: Kubernetes knows no exact text.</summary>
    public static IEnumerable<PeerSelector> DecodeBlock(JsonField entry) =>
        entry.IsObjectOf("cidr", "except") ? DecodeWithExcept(entry, isWorldByLength: true) : [];

    private static IEnumerable<PeerSelector> DecodeWithExcept(JsonField entry, bool isWorldByLength)
    {
        var text = entry["cidr"].RequiredText();
        if (!Prefix.TryParse(text, out var prefix) || !CidrPeer.TryParse(text, out var peer))
        {
            entry["cidr"].Fail($"'{text}' is no CIDR");
            return [];
        }

        var except = new List<Prefix>();
        foreach (var hole in entry["except"].Items())
        {
            if (!Prefix.TryParse(hole.RequiredText(), out var parsed))
            {
                hole.Fail($"'{hole.Text()}' is no CIDR");
            }
            else if (!prefix.Contains(parsed))
            {
                hole.Fail($"is not within {text}");
            }
            else
            {
                except.Add(parsed);
            }
        }

        if (isWorldByLength && prefix.Length == 0)
        {
            peer = peer with { IncludesWorld = true };
        }

        return except.Count == 0 ? [peer] : PrefixDifference.Subtract(prefix, except).Select(part => new CidrPeer(part, IncludesWorld: false));
    }
}
