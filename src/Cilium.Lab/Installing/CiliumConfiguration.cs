using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Installing;

/// <summary>Values were written that the installation does not know or cannot honour.</summary>
internal sealed class UnknownValuesException(IReadOnlyList<string> problems) : Exception(string.Join("\n", problems))
{
    public IReadOnlyList<string> Problems => problems;
}

/// <summary>Renders the data of the ConfigMap <c>cilium-config</c> from values, as the chart does.</summary>
internal static class CiliumConfiguration
{
    private static readonly (string Key, string Value)[] Defaults =
    [
        ("agent-health-port", "9879"), ("auto-direct-node-routes", "false"), ("bpf-lb-acceleration", "disabled"),
        ("bpf-lb-map-max", "65536"), ("bpf-lb-sock", "true"), ("bpf-policy-map-max", "16384"), ("cilium-endpoint-gc-interval", "5m0s"),
        ("cluster-id", "0"), ("cluster-name", "default"), ("cluster-pool-ipv4-cidr", "10.0.0.0/8"), ("cluster-pool-ipv4-mask-size", "24"),
        ("cni-exclusive", "true"), ("datapath-mode", "veth"), ("debug", "false"), ("enable-bpf-masquerade", "true"), ("enable-endpoint-routes", "false"),
        ("enable-hubble", "true"), ("enable-ipv4", "true"), ("enable-ipv4-masquerade", "true"), ("enable-ipv6", "false"), ("enable-ipv6-masquerade", "true"),
        ("enable-k8s-networkpolicy", "true"), ("enable-policy", "default"), ("enable-tcx", "true"), ("enable-well-known-identities", "false"),
        ("hubble-disable-tls", "true"), ("hubble-listen-address", ":4244"), ("identity-allocation-mode", "crd"), ("identity-gc-interval", "15m0s"),
        ("identity-heartbeat-timeout", "30m0s"),
        ("ipam", "cluster-pool"), ("kube-proxy-replacement", "false"), ("monitor-aggregation", "medium"), ("monitor-aggregation-flags", "all"),
        ("monitor-aggregation-interval", "5s"), ("preallocate-bpf-maps", "false"), ("routing-mode", "tunnel"), ("service-no-backend-response", "reject"),
        ("tunnel-protocol", "vxlan"), ("write-cni-conf-when-ready", "/host/etc/cni/net.d/05-cilium.conflist"),
    ];

    /// <exception cref="UnknownValuesException">Names every value that is unknown or stands for a feature that is not there.</exception>
    public static SortedDictionary<string, string> Render(JsonObject values)
    {
        var result = new SortedDictionary<string, string>(Defaults.ToDictionary(pair => pair.Key, pair => pair.Value), StringComparer.Ordinal);
        var problems = new List<string>();
        var origins = new Dictionary<string, string>();
        foreach (var (path, value) in HelmValues.Leaves(values))
        {
            if (path == PoolValues.PreAllocation || path.StartsWith(PoolValues.PreAllocation + ".", StringComparison.Ordinal)) continue;
            if (path.StartsWith("extraConfig.", StringComparison.Ordinal)) Set(path["extraConfig.".Length..], path, Text(value));
            else if (path == "hubble.tls.enabled") result["hubble-disable-tls"] = Text(value) == "true" ? "false" : "true";
            else if (ValueKeys.Maps.FirstOrDefault(map => path.StartsWith(map.Key, StringComparison.Ordinal)) is { Key: { } prefix } map)
                result[map.Value] = $"{(result.TryGetValue(map.Value, out var pairs) ? pairs + "," : "")}{path[prefix.Length..]}={Text(value)}";
            else if (ValueKeys.Absent.TryGetValue(path, out var feature))
            {
                if (value.Display() == "true") problems.Add($"{path}: {feature} is not available in this version");
            }
            else if (ValueKeys.Direct.TryGetValue(path, out var key))
            {
                if (Text(value) is { Length: > 0 } text) Set(key, path, text);
            }
            else if (!ValueKeys.BelongsToInstallation(path)) problems.Add($"unknown value: {path}");
        }

        // Agents and the operator would end at these, one after the other, long after everything else has been started.
        foreach (var (key, path) in origins)
        {
            if (ValueKeys.AbsentKeys.TryGetValue(key, out var absent) && !absent.Accepted.Contains(result[key], StringComparer.OrdinalIgnoreCase))
                problems.Add($"{path}: {absent.Feature} is not available in this version");
        }

        PoolValues.Add(values, result);
        if (problems.Count > 0) throw new UnknownValuesException(problems);
        if (result["enable-ipv6"] == "true")
        {
            result.TryAdd("cluster-pool-ipv6-cidr", "fd00::/104");
            result.TryAdd("cluster-pool-ipv6-mask-size", "120");
        }

        // As the chart has it: there is no range of pods that one route could lead to.
        if (result["ipam"] == "eni") result["enable-endpoint-routes"] = "true";
        if (result["ipam"] != "cluster-pool")
        {
            foreach (var key in result.Keys.Where(key => key.StartsWith("cluster-pool-", StringComparison.Ordinal)).ToList()) result.Remove(key);
        }

        if (result["routing-mode"] == "native") result.Remove("tunnel-protocol");
        return result;

        void Set(string key, string path, string text) => (result[key], origins[key]) = (text, path);
    }

    private static string Text(JsonNode? value) => value switch
    {
        JsonArray items => string.Join(" ", items.Select(item => item.Display())),
        JsonValue scalar when scalar.TryGetValue(out bool flag) => flag ? "true" : "false",
        _ => value.Display(),
    };
}
