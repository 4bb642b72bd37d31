using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Installing;

/// <summary>The values of mode multi-pool, which become one key each, as the chart writes them.</summary>
internal static class PoolValues
{
    public const string PreAllocation = "ipam.multiPoolPreAllocation";

    public static void Add(JsonObject values, IDictionary<string, string> result)
    {
        if (values.At("ipam", "multiPoolPreAllocation") is { } counts)
        {
            result["ipam-multi-pool-pre-allocation"] = counts is JsonObject map
                ? string.Join(",", map.Select(pair => $"{pair.Key}={pair.Value.Display()}"))
                : counts.Display();
        }

        if (values.At("ipam", "operator", "autoCreateCiliumPodIPPools") is JsonObject { Count: > 0 } pools)
        {
            result["auto-create-cilium-pod-ip-pools"] = string.Join(" ", pools.Select(pool => $"{pool.Key}={Fields(pool.Value)}"));
        }
    }

    private static string Fields(JsonNode? pool) => string.Join(";", ((string[])["ipv4", "ipv6"])
        .Where(family => pool.At(family) is JsonObject)
        .Select(family => $"{family}-cidrs:{string.Join(",", pool.Items(family, "cidrs").Select(cidr => cidr.Display()))};{family}-mask-size:{pool.At(family, "maskSize").Display()}"));
}
