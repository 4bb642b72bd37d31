using System.Globalization;
using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.ControlPlane.Configuration;

/// <summary>Reads the keys that name pools.</summary>
internal static class PoolKeys
{
    /// <summary>Reads <c>default=8,other=4</c>.</summary>
    /// <returns>The numbers by pool, or null with what is wrong.</returns>
    public static Dictionary<string, int>? ParseCounts(string text, out string? problem)
    {
        var counts = new Dictionary<string, int>();
        foreach (var item in text.Split([',', ' ', '\t', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = item.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1 || !int.TryParse(item.AsSpan(equals + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            {
                problem = $"'{item}' is not a pool=number";
                return null;
            }

            counts[item[..equals]] = count;
        }

        problem = null;
        return counts;
    }

    /// <summary>Reads <c>default=ipv4-cidrs:10.10.0.0/16,10.11.0.0/16;ipv4-mask-size:27;ipv6-cidrs:fd00::/104;ipv6-mask-size:120</c>, one pool per word.</summary>
    /// <returns>The pools, or null with what is wrong.</returns>
    public static List<PoolDefinition>? ParsePools(string text, out string? problem)
    {
        var pools = new List<PoolDefinition>();
        problem = null;
        foreach (var item in text.Split([' ', '\t', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = item.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1)
            {
                problem = $"'{item}' is not a pool=fields";
                return null;
            }

            var fields = new Dictionary<string, string>();
            foreach (var field in item[(equals + 1)..].Split(';', StringSplitOptions.RemoveEmptyEntries))
            {
                var colon = field.IndexOf(':', StringComparison.Ordinal);
                if (colon < 1 || field[..colon] is not ("ipv4-cidrs" or "ipv4-mask-size" or "ipv6-cidrs" or "ipv6-mask-size"))
                {
                    problem = $"pool '{item[..equals]}': '{field}' is none of ipv4-cidrs, ipv4-mask-size, ipv6-cidrs, ipv6-mask-size";
                    return null;
                }

                fields[field[..colon]] = field[(colon + 1)..];
            }

            if (!TryFamily(fields, "ipv4", 32, out var ipv4, ref problem) || !TryFamily(fields, "ipv6", 128, out var ipv6, ref problem))
            {
                problem = $"pool '{item[..equals]}': {problem}";
                return null;
            }

            pools.Add(new PoolDefinition(item[..equals], ipv4, ipv6));
        }

        return pools;
    }

    private static bool TryFamily(Dictionary<string, string> fields, string family, int bits, out PoolFamily? parsed, ref string? problem)
    {
        parsed = null;
        if (!fields.TryGetValue($"{family}-cidrs", out var texts))
        {
            return true;
        }

        var cidrs = new List<Prefix>();
        foreach (var text in texts.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!Prefix.TryParse(text, out var cidr) || cidr.Address.BitLength != bits)
            {
                problem = $"'{text}' is not an {family} CIDR prefix";
                return false;
            }

            cidrs.Add(cidr);
        }

        if (!fields.TryGetValue($"{family}-mask-size", out var size)
            || !int.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var mask) || mask < 1 || mask > bits)
        {
            problem = $"{family}-mask-size must be from 1 to {bits}";
            return false;
        }

        parsed = new PoolFamily(cidrs.ToEquatableArray(), mask);
        return true;
    }
}
