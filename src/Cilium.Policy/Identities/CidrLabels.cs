using Cilium.Core;

namespace Cilium.Policy;

/// <summary>The labels of identities that stand for prefixes outside the cluster.</summary>
/// <remarks>
/// In keys, the colons of IPv6 are dashes, and a dash at either end of the address gets a zero: <c>fd00--0/8</c>. As upstream's pkg/labels/cidr.go.
/// </remarks>
public static class CidrLabels
{
    /// <summary><c>cidr:prefix</c> and the world label; the world label alone for a prefix of length 0.</summary>
    public static LabelSet Of(Prefix prefix, ClusterFacts cluster)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        var world = new Label(Label.SourceReserved, !cluster.IsDualStack ? "world" : prefix.IsIPv4 ? "world-ipv4" : "world-ipv6", "");
        return LabelSet.Create(prefix.Length == 0 ? [world] : [new Label(Label.SourceCidr, KeyOf(prefix), ""), world]);
    }

    /// <summary>The label key of a prefix.</summary>
    public static string KeyOf(Prefix prefix)
    {
        if (prefix.IsIPv4)
        {
            return prefix.ToString();
        }

        var address = prefix.Address.ToString().Replace(':', '-');
        address = address.StartsWith('-') ? "0" + address : address;
        address = address.EndsWith('-') ? address + "0" : address;
        return $"{address}/{prefix.Length}";
    }

    /// <summary>Reads the prefix of a label <c>cidr:key</c>.</summary>
    public static bool TryParse(Label label, out Prefix prefix)
    {
        prefix = default;
        if (label.Source != Label.SourceCidr)
        {
            return false;
        }

        return Prefix.TryParse(label.Key.Replace('-', ':'), out prefix);
    }

    /// <summary>The longest prefix among the labels, or null.</summary>
    public static Prefix? FindPrefix(LabelSet labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        Prefix? found = null;
        foreach (var label in labels.AsSpan())
        {
            if (TryParse(label, out var prefix) && (found is null || prefix.Length > found.Value.Length))
            {
                found = prefix;
            }
        }

        return found;
    }
}
