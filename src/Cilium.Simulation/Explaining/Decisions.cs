using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Datapath.Maps;
using Cilium.Policy;
using Cilium.Simulation.Clusters;
using MatchType = Cilium.Datapath.Maps.MatchType;

namespace Cilium.Simulation.Explaining;

/// <summary>
/// Joins what programs asked compiled policies with the verdicts they told, and finds the rules behind them. Which of the two questions of an
/// evaluation decided, the verdict's event says.
/// </summary>
internal sealed class Decisions(SimulatedCluster cluster, IdentityNames names, IReadOnlyDictionary<string, IReadOnlyList<DatapathEvent>> events)
{
    internal IEnumerable<PolicyDecision> Of(WalkRecorder recorder)
    {
        var text = new LookupText(names);
        var next = new Dictionary<string, int>();
        foreach (var evaluation in recorder.PolicyLookups.GroupBy(lookup => lookup.Evaluation))
        {
            var node = evaluation.First().Node;
            var number = next.GetValueOrDefault(node);
            next[node] = number + 1;
            var verdict = events[node].Where(e => e.Type == DatapathEventType.PolicyVerdict).Skip(number).First();
            var decided = (MatchType)verdict.MatchType switch
            {
                MatchType.L3Only or MatchType.L3L4 or MatchType.L3Proto => evaluation.First(lookup => lookup.Key.Identity != 0),
                MatchType.All or MatchType.L4Only or MatchType.ProtoOnly => evaluation.First(lookup => lookup.Key.Identity == 0),
                _ => evaluation.First(),
            };
            yield return DecisionOf(text, node, verdict, decided, (MatchType)verdict.MatchType != MatchType.None);
        }
    }

    private PolicyDecision DecisionOf(LookupText text, string node, DatapathEvent verdict, WalkRecorder.PolicyLookup decided, bool hasEntry)
    {
        var direction = (TrafficDirection)decided.Key.Direction;
        var simulated = cluster.Nodes.First(candidate => candidate.Name == node);
        var pod = cluster.Pods.Values.First(candidate => ReferenceEquals(candidate.Node, simulated) && candidate.Id == verdict.Source);
        var peer = names.Name((direction == TrafficDirection.Ingress ? verdict.SourceIdentity : verdict.DestinationIdentity).Value);
        IReadOnlyList<RuleReference> rules;
        var entry = "";
        if (hasEntry && decided.Found is { } found)
        {
            var key = LookupText.KeyOf(decided.Key, found);
            entry = text.Entry(key, (found.Flags & PolicyFlags.Deny) != 0);
            rules = simulated.Policies.ExplainRules(pod.Subject, key);
        }
        else
        {
            rules = simulated.Policies.EnforcingRules(pod.Subject, direction);
        }
        return new PolicyDecision(
            pod.ToString(),
            direction == TrafficDirection.Ingress ? "ingress" : "egress",
            peer,
            verdict.Verdict >= 0 ? "allowed" : hasEntry ? "denied" : "denied by default",
            entry,
            [.. rules.Select(rule => rule.Description.Length > 0 ? $"{rule}: {rule.Description}" : rule.ToString())]);
    }
}
