using Cilium.Simulation.Clusters;
using Cilium.Simulation.Serving;

namespace Cilium.Simulation.Scale;

/// <summary>What went to the API server and came from it.</summary>
/// <param name="Requests">Requests by who asked, resource and verb, most first within each.</param>
/// <param name="Events">Events of watches by who was told, and resource. What agents are told they are told once for all; a real one of each is told as much.</param>
/// <param name="Refused">Writes that were refused, because somebody else was faster or because they were to fail.</param>
/// <param name="FailedWrites">Writes that were to fail.</param>
/// <param name="BrokenWatches">Watches that were broken off.</param>
/// <param name="DeadOperators">Operators that have died.</param>
/// <param name="Wrong">What the API server holds and should not, or lacks: an address or a CIDR twice, a pod without identity and the like.</param>
public sealed record ScaleApi(
    IReadOnlyList<ScaleRequests> Requests, IReadOnlyList<ScaleEvents> Events, long Refused, int FailedWrites, int BrokenWatches, int DeadOperators, IReadOnlyList<string> Wrong)
{
    /// <summary>Counts what has happened in a cluster, and looks at what its API server holds.</summary>
    internal static async Task<ScaleApi> OfAsync(SimulatedCluster cluster, CancellationToken cancellationToken)
    {
        var traffic = cluster.Served!.Traffic;
        var requests = traffic.Requests.ToList();
        var events = traffic.EventsByClient.ToList();
        var (refused, dead) = (traffic.Refused, cluster.Served.DeadOperators);
        return new ScaleApi(
            [
                .. requests.GroupBy(pair => (By: RoleOf(pair.Key.Client), pair.Key.Resource, pair.Key.Verb))
                    .Select(group => new ScaleRequests(
                        group.Key.By, group.Key.Resource, group.Key.Verb, group.Sum(pair => pair.Value), group.Key.By == "agent" ? SpreadOf(group.Select(pair => pair.Value), cluster.Nodes.Count) : null))
                    .OrderBy(row => row.By, StringComparer.Ordinal).ThenByDescending(row => row.Count),
            ],
            [
                .. events.GroupBy(pair => (To: RoleOf(pair.Key.Client), pair.Key.Resource))
                    .Select(group => new ScaleEvents(group.Key.To, group.Key.Resource, group.Sum(pair => pair.Value)))
                    .OrderBy(row => row.To, StringComparer.Ordinal).ThenByDescending(row => row.Count),
            ],
            refused,
            cluster.Served.Faults?.FailedWrites ?? 0,
            cluster.Served.Faults?.BrokenWatches ?? 0,
            dead,
            await ClusterAudit.CheckAsync(cluster, cancellationToken).ConfigureAwait(false));
    }

    private static string RoleOf(string client) => SimulatedOperators.IsOperator(client) ? "operator" : client switch
    {
        ServedObjects.KubernetesClient => "kubernetes",
        ServedObjects.WatchingClient => "agents",
        _ => "agent",
    };

    private static ScaleSpread SpreadOf(IEnumerable<long> counts, int nodes)
    {
        var known = counts.ToList();
        return ScaleSpread.Of(known.Concat(Enumerable.Repeat(0L, Math.Max(0, nodes - known.Count))));
    }
}

/// <summary>Requests of one kind.</summary>
/// <param name="By"><c>agent</c>, <c>agents</c> (the watches that all have in common), <c>operator</c> or <c>kubernetes</c> (users, kubelets, controllers).</param>
/// <param name="Resource">The plural name.</param>
/// <param name="Verb">The verb, with the subresource.</param>
/// <param name="Count">How many.</param>
/// <param name="PerNode">How many by the agent of a node; null for others.</param>
public sealed record ScaleRequests(string By, string Resource, string Verb, long Count, ScaleSpread? PerNode)
{
    /// <summary>Whether they change something.</summary>
    public bool IsWrite => new ApiTarget(Resource, "", Verb).IsWrite;
}

/// <summary>Events of watches.</summary>
/// <param name="To">Who was told: <c>agents</c> or <c>operator</c>.</param>
/// <param name="Resource">The plural name.</param>
/// <param name="Count">How many.</param>
public sealed record ScaleEvents(string To, string Resource, long Count);
