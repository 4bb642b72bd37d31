using Cilium.Api;
using Cilium.Core;
using Cilium.Simulation.Explaining;

namespace Cilium.Hosts.Dbg.Explain;

/// <summary>Names the rules behind what decided, as the agent knows them. Maps alone do not tell; without an agent a walk stays as it is.</summary>
internal static class AgentRules
{
    /// <summary>The walk with the rules of its decisions.</summary>
    public static async Task<Walk> NameAsync(AgentClient client, Walk walk, CancellationToken cancellationToken)
    {
        var decisions = new List<PolicyDecision>(walk.Decisions.Count);
        foreach (var decision in walk.Decisions)
        {
            decisions.Add(decision.Asked is { } asked ? decision with { Rules = await RulesOfAsync(client, asked, cancellationToken) } : decision);
        }

        return walk with { Decisions = decisions };
    }

    private static async Task<IReadOnlyList<string>> RulesOfAsync(AgentClient client, PolicyDecisionSource asked, CancellationToken cancellationToken)
    {
        var entry = asked.Key is { } key ? new PolicyRulesEntry(key.Identity.Value, (byte)key.Protocol, key.Port, key.PortPrefixLength) : null;
        var question = new PolicyRulesQuestion(asked.Direction == TrafficDirection.Ingress ? "ingress" : "egress", entry);
        try
        {
            return (await client.GetEndpointRulesAsync(asked.Endpoint.ToString(), question, cancellationToken)).DerivedFromRules ?? [];
        }
        catch (Exception away) when (away is AgentUnavailableException or ApiException { StatusCode: 404 })
        {
            // No agent, or one that has let go of the endpoint: what the maps say is all there is.
            return [];
        }
    }
}
