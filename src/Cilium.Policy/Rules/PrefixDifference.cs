using Cilium.Core;

namespace Cilium.Policy;

/// <summary>The addresses of a prefix without those of some others.</summary>
public static class PrefixDifference
{
    /// <summary>The fewest prefixes that hold exactly the addresses of <paramref name="prefix"/> outside all of <paramref name="except"/>, sorted.</summary>
    public static IReadOnlyList<Prefix> Subtract(Prefix prefix, IEnumerable<Prefix> except)
    {
        var result = new List<Prefix>();
        Split(prefix, [.. except.Where(prefix.Overlaps)], result);
        return result;
    }

    private static void Split(Prefix prefix, Prefix[] except, List<Prefix> result)
    {
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
        var upper = new Prefix(prefix.Address.Add(UInt128.One << (prefix.Address.BitLength - length)), length);
        Split(lower, Array.FindAll(except, lower.Overlaps), result);
        Split(upper, Array.FindAll(except, upper.Overlaps), result);
    }
}
