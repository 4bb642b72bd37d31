using System.Globalization;
using Cilium.Api;
using Cilium.Hubble.Printing;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary>The sections that <c>status --verbose</c> adds: kube-proxy replacement and the sizes of the maps.</summary>
internal static class StatusVerboseText
{
    public static void Write(TextWriter writer, StatusResponse status)
    {
        if (status.KubeProxyReplacement is { } replacement)
        {
            writer.WriteLine("KubeProxyReplacement Details:");
            TextTable.Write(writer, ReplacementRows(replacement), spacing: 3);
        }

        if (status.BpfMaps is { } maps)
        {
            var ratio = maps.DynamicSizeRatio > 0 ? string.Create(CultureInfo.InvariantCulture, $"on (ratio: {maps.DynamicSizeRatio:F6})") : "off";
            writer.WriteLine($"BPF Maps:   dynamic sizing: {ratio}");
            string[] head = ["  Name", "Size"];
            TextTable.Write(
                writer,
                [head, .. (maps.Maps ?? []).Select(map => new[] { $"  {map.Name}", map.Size.ToString(CultureInfo.InvariantCulture) })],
                spacing: 3);
        }
    }

    private static List<string[]> ReplacementRows(KubeProxyReplacement replacement)
    {
        var features = replacement.Features;
        var nodePort = features?.NodePort;
        var rows = new List<string[]>
        {
            new[] { "  Status:", replacement.Mode ?? "" },
            new[] { "  Socket LB:", OnOff(features?.SocketLb) },
            new[] { "  Socket LB Tracing:", OnOff(features?.SocketLbTracing) },
            new[] { "  Socket LB Coverage:", features?.BpfSocketLbHostnsOnly == true ? "Hostns-only" : "Full" },
        };
        if (replacement.DeviceList is { Count: > 0 } devices)
        {
            rows.Add(["  Devices:", string.Join(", ", devices.Select(device => $"{device.Name}   {string.Join(' ', device.Ip ?? [])}"))]);
        }

        if (nodePort?.Enabled == true)
        {
            rows.Add(["  Mode:", nodePort.Mode ?? ""]);
            rows.Add(["  Backend Selection:", nodePort.Algorithm ?? ""]);
        }

        rows.Add(["  Session Affinity:", OnOff(features?.SessionAffinity)]);
        rows.Add(["  Graceful Termination:", OnOff(features?.GracefulTermination)]);
        rows.Add(["  NAT46/64 Support:", OnOff(features?.Nat46X64)]);
        rows.Add(["  XDP Acceleration:", nodePort?.Acceleration is { Length: > 0 } acceleration ? acceleration : "Disabled"]);
        rows.Add(["  Services:"]);
        rows.Add(["  - ClusterIP:", "Enabled"]);
        rows.Add(
        [
            "  - NodePort:",
            nodePort?.Enabled == true
                ? string.Create(CultureInfo.InvariantCulture, $"Enabled (Range: {nodePort.PortMin}-{nodePort.PortMax})")
                : "Disabled",
        ]);
        rows.Add(["  - LoadBalancer:", nodePort?.Enabled == true ? "Enabled" : "Disabled"]);
        rows.Add(["  - externalIPs:", OnOff(features?.ExternalIps)]);
        rows.Add(["  - HostPort:", OnOff(features?.HostPort)]);
        if (features?.Annotations is { } annotations)
        {
            rows.Add(["  Annotations:"]);
            rows.AddRange(annotations.Select(annotation => new[] { $"  - {annotation}" }));
        }

        return rows;
    }

    private static string OnOff(FeatureSwitch? feature) => feature?.Enabled == true ? "Enabled" : "Disabled";
}
