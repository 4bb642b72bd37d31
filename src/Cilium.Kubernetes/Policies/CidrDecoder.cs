using Cilium.Core;
using Cilium.Policy;

namespace Cilium.Kubernetes.Policies;

/// <summary>Reads the prefixes of the rule elements of one object, and counts them.</summary>
/// <remarks>
/// Each prefix takes an address row and an identity on every node, which all namespaces share, and an exception takes many: an object may have as
/// many as a policy has entries by default (<c>bpf-policy-map-max</c>), since no endpoint could enforce more.
/// </remarks>
internal sealed class CidrDecoder
{
    /// <summary>How many different prefixes one object may name.</summary>
    public const int MostPrefixes = 16384;

    private readonly HashSet<Prefix> _named = [];
    private bool _hasTooMany;

    /// <summary>Reads an entry of <c>fromCIDR</c> or <c>toCIDR</c>: a prefix or an address.</summary>
    public CidrPeer[] Decode(JsonField field)
    {
        var text = field.RequiredText();
        if (CidrPeer.TryParse(text, out var peer))
        {
            return Count(field, [peer]);
        }

        field.Fail($"'{text}' is neither a CIDR nor an address");
        return [];
    }

    /// <summary>Reads an entry of <c>fromCIDRSet</c> or <c>toCIDRSet</c>.</summary>
    public CidrPeer[] DecodeSet(JsonField entry)
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
    public CidrPeer[] DecodeBlock(JsonField entry) =>
        entry.IsObjectOf("cidr", "except") ? DecodeWithExcept(entry, isWorldByLength: true) : [];

    private CidrPeer[] DecodeWithExcept(JsonField entry, bool isWorldByLength)
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

        return Count(entry, except.Count == 0
            ? [peer]
            : [.. PrefixDifference.Subtract(prefix, except, MostPrefixes).Select(part => new CidrPeer(part, IncludesWorld: false))]);
    }

    private CidrPeer[] Count(JsonField field, CidrPeer[] peers)
    {
        _named.UnionWith(peers.Select(peer => peer.Prefix));
        if (_named.Count <= MostPrefixes)
        {
            return peers;
        }

        if (!_hasTooMany)
        {
            field.Fail($"with this the object names more than {MostPrefixes} prefixes, counting those into which exceptions split a range");
            _hasTooMany = true;
        }

        return [];
    }
}
