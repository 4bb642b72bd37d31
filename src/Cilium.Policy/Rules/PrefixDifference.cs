using Cilium.Core;

namespace Cilium.Policy;

/// <summary>The addresses of a prefix without those of some others.</summary>
public static class PrefixDifference
{
    /// <summary>The fewest prefixes that hold exactly the addresses of <paramref name="prefix"/> outside all of <paramref name="except"/>, sorted.</summary>
    /// <param name="prefix">The whole.</param>
    /// <param name="except">What is taken out of it.</param>
    /// <param name="atMost">Where to stop: one more than this many prefixes mean that there are too many, and are not all.</param>
    /// <remarks>
    /// Where a range of IPv6 is split around <c>::ffff:0:0/96</c>, that half is left out: it is the form in which IPv4 travels here, so it is no
    /// prefix of IPv6, and no packet of IPv6 has such an address (RFC 4291 section 2.5.5.2).
    /// </remarks>
    public static IReadOnlyList<Prefix> Subtract(Prefix prefix, IEnumerable<Prefix> except, int atMost = int.MaxValue)
    {
        var result = new List<Prefix>();
        Split(prefix, [.. except.Where(prefix.Overlaps)], result, atMost);
        return result;
    }

    private static void Split(Prefix prefix, Prefix[] except, List<Prefix> result, int atMost)
    {
        if (result.Count > atMost)
        {
            return;
        }

        if (except.Length == 0)
        {
            result.Add(prefix);
            return;
        }

        if (Array.Exists(except, hole => hole.Contains(prefix)))
        {
            return;
        }

        var length = prefix.Length + 1;
        var lower = new Prefix(prefix.Address, length);
        Split(lower, Array.FindAll(except, lower.Overlaps), result, atMost);
        var middle = prefix.Address.Add(UInt128.One << (prefix.Address.BitLength - length));
        if (middle.IsIPv4 == prefix.IsIPv4)
        {
            var upper = new Prefix(middle, length);
            Split(upper, Array.FindAll(except, upper.Overlaps), result, atMost);
        }
    }
}
