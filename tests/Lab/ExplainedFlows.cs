using System.Globalization;
using System.Text.Json;

namespace Cilium.LabTests;

/// <summary>
/// Asks a copy of a node about the flows that Hubble recorded there: what became of the first packet of each connection that a pod of the node began
/// must be what the kernel made of it, egress and ingress.
/// </summary>
internal static class ExplainedFlows
{
    private const int DropEvent = 1;
    private const int PolicyVerdictEvent = 5;

    private sealed record Asked(long Endpoint, string To, int Port, string Protocol);

    private sealed record Recorded(string Direction, bool IsDropped, int Reason);

    /// <summary>Compares.</summary>
    /// <param name="lab">The lab.</param>
    /// <param name="node">The node.</param>
    /// <param name="since">How long ago the policies that are in force now took hold.</param>
    /// <returns>The connections that were compared, and how many of them were dropped.</returns>
    internal static async Task<(int Compared, int Dropped)> CompareAsync(LabFixture lab, string node, TimeSpan since)
    {
        var text = await LabFixture.RunAsync(
            lab.Binary("hubble"), "observe", "--server", $"unix://{lab.Lab.FolderOfNode(node)}/run/hubble.sock",
            "--since", string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(since.TotalSeconds)}s"), "--all", "-o", "json");
        var flows = Read(text);
        var wrong = new List<string>();
        foreach (var (asked, recorded) in flows)
        {
            var answer = await lab.AgentAsync(
                node, "cilium-dbg", "explain", "--from", asked.Endpoint.ToString(CultureInfo.InvariantCulture), "--to", asked.To,
                "--port", asked.Port.ToString(CultureInfo.InvariantCulture), "--proto", asked.Protocol, "-o", "json");
            using var json = JsonDocument.Parse(answer);
            if (Difference(json.RootElement.GetProperty("walks")[0], recorded) is { } difference)
            {
                wrong.Add($"{asked}: {difference}\n{answer}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        return (flows.Count, flows.Values.Count(recorded => recorded.Exists(one => one.IsDropped)));
    }

    private static Dictionary<Asked, List<Recorded>> Read(string text)
    {
        var flows = new Dictionary<Asked, List<Recorded>>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var json = JsonDocument.Parse(line);
            if (!json.RootElement.TryGetProperty("flow", out var flow) || !TryRead(flow, out var asked, out var recorded))
            {
                continue;
            }

            if (!flows.TryGetValue(asked, out var all))
            {
                flows[asked] = all = [];
            }

            if (!all.Contains(recorded))
            {
                all.Add(recorded);
            }
        }

        return flows;
    }

    private static bool TryRead(JsonElement flow, out Asked asked, out Recorded recorded)
    {
        (asked, recorded) = (null!, null!);
        var type = flow.TryGetProperty("event_type", out var events) && events.TryGetProperty("type", out var number) ? number.GetInt32() : 0;
        if (type is not (DropEvent or PolicyVerdictEvent)
            || (flow.TryGetProperty("is_reply", out var isReply) && isReply.ValueKind == JsonValueKind.True)
            || !flow.TryGetProperty("source", out var source) || !source.TryGetProperty("ID", out var id)
            || !flow.TryGetProperty("IP", out var ip) || !flow.TryGetProperty("l4", out var l4))
        {
            return false;
        }

        foreach (var protocol in new[] { "TCP", "UDP" })
        {
            if (!l4.TryGetProperty(protocol, out var ports))
            {
                continue;
            }

            asked = new Asked(id.GetInt64(), ip.GetProperty("destination").GetString()!, ports.GetProperty("destination_port").GetInt32(), protocol.ToLowerInvariant());
            recorded = new Recorded(
                flow.TryGetProperty("traffic_direction", out var direction) ? direction.GetString()! : "",
                flow.GetProperty("verdict").GetString() == "DROPPED",
                flow.TryGetProperty("drop_reason", out var reason) ? reason.GetInt32() : 0);
            return true;
        }

        return false;
    }

    private static string? Difference(JsonElement walk, List<Recorded> recorded)
    {
        var outcome = walk.GetProperty("outcome").GetString();
        var isDropped = recorded.Exists(one => one.IsDropped);
        if (isDropped != (outcome == "Dropped"))
        {
            return $"Hubble recorded {string.Join(", ", recorded)}, but the copy says {outcome}";
        }

        if (recorded.Find(one => one.Reason != 0) is { } drop && walk.GetProperty("dropReason").GetInt32() != drop.Reason)
        {
            return $"Hubble recorded reason {drop.Reason}, but the copy says {walk.GetProperty("dropReason").GetInt32()}";
        }

        foreach (var one in recorded.Where(one => !one.IsDropped && one.Direction is "INGRESS" or "EGRESS"))
        {
            if (walk.GetProperty("decisions").EnumerateArray().Any(decision =>
                decision.GetProperty("direction").GetString()!.Equals(one.Direction, StringComparison.OrdinalIgnoreCase)
                && decision.GetProperty("verdict").GetString()!.StartsWith("denied", StringComparison.Ordinal)))
            {
                return $"Hubble recorded that {one.Direction} is allowed, but the copy says it is denied";
            }
        }

        return null;
    }
}
