using System.Globalization;
using Cilium.Hubble.Printing;

namespace Cilium.Hubble.Client;

/// <summary>The status of a server and the list of nodes as the <c>hubble</c> command prints them.</summary>
public static class StatusText
{
    /// <summary>The short form, below the line of the health check.</summary>
    public static void WriteCompact(TextWriter writer, Proto.ServerStatusResponse status)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(status);
        writer.WriteLine($"Current/Max Flows: {Ratio(status.NumFlows, status.MaxFlows, padded: false)}");
        writer.WriteLine($"Flows/s: {FlowsPerSecond(status)}");
        if (status.NumConnectedNodes is { } connected)
        {
            var total = connected + (status.NumUnavailableNodes ?? 0);
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Connected Nodes: {connected}/{total}"));
        }

        if (status.NumUnavailableNodes is > 0 and var unavailable)
        {
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Unavailable Nodes: {unavailable}"));
            foreach (var name in status.UnavailableNodes)
            {
                writer.WriteLine($"  - {name}");
            }

            if (unavailable > status.UnavailableNodes.Count)
            {
                writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  - and {unavailable - status.UnavailableNodes.Count} more..."));
            }
        }
    }

    /// <summary>One row of columns.</summary>
    public static void WriteTable(TextWriter writer, Proto.ServerStatusResponse status)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(status);
        var fields = Fields(status, unavailable: "NUM UNAVAILABLE NODES");
        TextTable.Write(writer, [[.. fields.Select(field => field.Key)], [.. fields.Select(field => field.Value)]], spacing: 3);
    }

    /// <summary>Named lines.</summary>
    public static void WriteDict(TextWriter writer, Proto.ServerStatusResponse status)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(status);
        var lines = Fields(status, unavailable: "NUM UNAVAIL. NODES");
        var width = lines.Max(line => line.Key.Length);
        foreach (var (key, value) in lines)
        {
            writer.WriteLine($"{key.PadLeft(width)}: {value}");
        }
    }

    /// <summary>The table of nodes.</summary>
    public static void WriteNodes(TextWriter writer, IEnumerable<Proto.Node> nodes, bool isWide)
    {
        string[] head = ["NAME", "STATUS", "AGE", "FLOWS/S", "CURRENT/MAX-FLOWS"];
        var rows = new List<string[]> { isWide ? [.. head, "VERSION", "ADDRESS", "TLS"] : head };
        foreach (var node in nodes)
        {
            var uptime = TimeSpan.FromTicks((long)(node.UptimeNs / 100));
            var rate = uptime > TimeSpan.Zero ? node.SeenFlows / uptime.TotalSeconds : 0;
            string[] row =
            [
                node.Name, State(node.State), uptime > TimeSpan.Zero ? Duration(uptime) : "N/A",
                rate.ToString("F2", CultureInfo.InvariantCulture), Ratio(node.NumFlows, node.MaxFlows, padded: true),
            ];
            rows.Add(isWide ? [.. row, node.Version, node.Address, node.Tls?.Enabled == true ? "Enabled" : "Disabled"] : row);
        }

        TextTable.Write(writer, rows, spacing: 3);
    }

    /// <summary><c>1,234/4,095 (30.13%)</c>; without separators and with the percentage padded for tables.</summary>
    public static string Ratio(ulong current, ulong maximum, bool padded)
    {
        var percent = maximum == 0 ? 0 : 100.0 * current / maximum;
        return padded
            ? string.Create(CultureInfo.InvariantCulture, $"{current}/{maximum} ({percent,6:F2}%)")
            : string.Create(CultureInfo.InvariantCulture, $"{current:N0}/{maximum:N0} ({percent:F2}%)");
    }

    /// <summary>The largest units of a duration: <c>1h2m3s</c>.</summary>
    public static string Duration(TimeSpan duration)
    {
        var seconds = (long)Math.Round(duration.TotalSeconds);
        return (seconds / 3600, seconds / 60 % 60, seconds % 60) switch
        {
            (0, 0, var s) => string.Create(CultureInfo.InvariantCulture, $"{s}s"),
            (0, var m, var s) => string.Create(CultureInfo.InvariantCulture, $"{m}m{s}s"),
            var (h, m, s) => string.Create(CultureInfo.InvariantCulture, $"{h}h{m}m{s}s"),
        };
    }

    private static (string Key, string Value)[] Fields(Proto.ServerStatusResponse status, string unavailable) =>
    [
        ("NUM FLOWS", Number(status.NumFlows)),
        ("MAX FLOWS", Number(status.MaxFlows)),
        ("SEEN FLOWS", Number(status.SeenFlows)),
        ("FLOWS PER SECOND", FlowsPerSecond(status)),
        ("UPTIME", Duration(TimeSpan.FromTicks((long)(status.UptimeNs / 100)))),
        ("NUM CONNECTED NODES", status.NumConnectedNodes is { } connected ? Number(connected) : "N/A"),
        (unavailable, status.NumUnavailableNodes is { } away ? Number(away) : "N/A"),
        ("VERSION", status.Version),
    ];

    private static string FlowsPerSecond(Proto.ServerStatusResponse status)
    {
        var rate = status.FlowsRate != 0 ? status.FlowsRate : status.UptimeNs == 0 ? 0 : status.SeenFlows / (status.UptimeNs / 1e9);
        return rate.ToString("F2", CultureInfo.InvariantCulture);
    }

    private static string Number(ulong value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string State(Proto.NodeState state) => state switch
    {
        Proto.NodeState.NodeConnected => "Connected",
        Proto.NodeState.NodeUnavailable => "Unavailable",
        Proto.NodeState.NodeGone => "Gone",
        Proto.NodeState.NodeError => "Error",
        _ => "Unknown",
    };
}
