using System.Globalization;
using Cilium.Api;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary>Which nodes are reached, as text: one row, and a table of the nodes.</summary>
internal static class ClusterHealthText
{
    private const int MostUnreachable = 10;

    /// <summary>The value of the row <c>Cluster health</c>.</summary>
    public static string Summary(HealthStatusResponse? health)
    {
        if (health?.Nodes is not { } nodes)
        {
            return "Warning   cilium-health daemon unreachable";
        }

        return health.Timestamp is { Length: > 0 } time
            ? string.Create(CultureInfo.InvariantCulture, $"{nodes.Count(node => node.IsReachable)}/{nodes.Count} reachable   ({time})")
            : "Probe has not run yet";
    }

    /// <summary>The rows of the table below it: all nodes, this one first, or only some of those that are not reached.</summary>
    public static IReadOnlyList<string[]> Nodes(HealthStatusResponse health, bool all)
    {
        var self = health.Local?.Name;
        var nodes = (health.Nodes ?? []).Where(node => all || !node.IsReachable)
            .OrderBy(node => node.Name != self).ThenBy(node => node.Name, StringComparer.Ordinal).ToList();
        if (nodes.Count == 0)
        {
            return [];
        }

        List<string[]> rows = [["  Name", "IP", "Node", "Endpoints"]];
        foreach (var node in all ? nodes : nodes.Take(MostUnreachable))
        {
            rows.Add(
            [
                $"  {node.Name}{(node.Name == self ? " (localhost)" : "")}", node.Host?.PrimaryAddress?.Ip ?? "Unavailable",
                WordOf(node.Host), node.HealthEndpoint is null ? "" : WordOf(node.HealthEndpoint),
            ]);
        }

        if (!all && nodes.Count > MostUnreachable)
        {
            rows.Add(["  ..."]);
        }

        return rows;
    }

    private static string WordOf(HealthPaths? paths) => paths?.PrimaryAddress is { IsOk: true } ? "reachable" : "unreachable";
}
