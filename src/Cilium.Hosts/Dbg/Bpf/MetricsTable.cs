using System.Globalization;
using Cilium.Datapath.Inspection;
using Cilium.Datapath.Maps;
using Cilium.Hubble.Names;

namespace Cilium.Hosts.Dbg.Bpf;

/// <summary>The table of forwarded and dropped packets.</summary>
internal static class MetricsTable
{
    public static List<string[]> Rows(DatapathInspection maps)
    {
        List<string[]> rows = [["REASON", "DIRECTION", "PACKETS", "BYTES", "LINE", "FILE"]];
        foreach (var (key, value) in maps.Drops().OrderBy(entry => entry.Key.Reason).ThenBy(entry => entry.Key.Direction).ThenBy(entry => entry.Key.Line))
        {
            rows.Add(
            [
                DropReasons.Text((byte)key.Reason), Direction(key.Direction), Number(value.Count), Number(value.Bytes),
                key.Line.ToString(CultureInfo.InvariantCulture), EventNames.File((byte)key.File),
            ]);
        }

        foreach (var (direction, value) in maps.Forwarded().OrderBy(entry => entry.Key))
        {
            rows.Add([DropReasons.Text(0), Direction(direction), Number(value.Count), Number(value.Bytes), "", ""]);
        }

        return rows;
    }

    private static string Direction(MetricDirection direction) => direction switch
    {
        MetricDirection.Ingress => "INGRESS",
        MetricDirection.Egress => "EGRESS",
        MetricDirection.Service => "SERVICE",
        _ => "UNKNOWN",
    };

    private static string Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);
}
