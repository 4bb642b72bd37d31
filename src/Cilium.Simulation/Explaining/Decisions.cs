using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Datapath.Maps;
using Cilium.Policy;
using MatchType = Cilium.Datapath.Maps.MatchType;

namespace Cilium.Simulation.Explaining;

/// <summary>
/// Joins what programs asked compiled policies with the verdicts they told, and finds the rules behind them. Which of the two questions of an
/// evaluation decided, the verdict's event says.
/// </summary>
/// <param name="names">Who identities are.</param>
/// <param name="subjects">Whose policies they are.</param>
internal sealed class Decisions(IdentityNames names, IPolicySubjects subjects)
{
    internal IEnumerable<PolicyDecision> Of(WalkRecorder recorder, IReadOnlyDictionary<string, EventLog> events)
    {
        var text = new LookupText(names);
        var next = new Dictionary<string, int>();
        foreach (var evaluation in recorder.PolicyLookups.GroupBy(lookup => lookup.Evaluation))
        {
            var node = evaluation.First().Node;
            if (!recorder.Told.Contains(evaluation.Key))
            {
                // What is not told allows, and belongs to a connection that is known.
                var found = evaluation.First(lookup => lookup.Found is not null);
                yield return new PolicyDecision("", Direction(found), names.Name(found.Key.Identity), "allowed", text.Entry(LookupText.KeyOf(found.Key, found.Found!.Value), false), []);
                continue;
            }
            var number = next.GetValueOrDefault(node);
            next[node] = number + 1;
            var verdict = events[node].Events.Where(e => e.Type == DatapathEventType.PolicyVerdict).Skip(number).First();
            var match = (MatchType)verdict.MatchType;
            var decided = match switch
            {
                MatchType.L3Only or MatchType.L3L4 or MatchType.L3Proto => evaluation.First(lookup => lookup.Key.Identity != 0),
                MatchType.All or MatchType.L4Only or MatchType.ProtoOnly => evaluation.First(lookup => lookup.Key.Identity == 0),
                _ => evaluation.First(),
            };
            yield return DecisionOf(text, verdict, decided, match != MatchType.None);
        }
    }

    private static string Direction(WalkRecorder.PolicyLookup lookup) => lookup.Key.Direction == PolicyDirection.Ingress ? "ingress" : "egress";

    private PolicyDecision DecisionOf(LookupText text, DatapathEvent verdict, WalkRecorder.PolicyLookup decided, bool hasEntry)
    {
        var direction = (TrafficDirection)decided.Key.Direction;
        var peer = names.Name((direction == TrafficDirection.Ingress ? verdict.SourceIdentity : verdict.DestinationIdentity).Value);
        IReadOnlyList<RuleReference> rules;
        Core.PolicyKey? key = null;
        var entry = "";
        if (hasEntry && decided.Found is { } found)
        {
            key = LookupText.KeyOf(decided.Key, found);
            entry = text.Entry(key.Value, (found.Flags & PolicyFlags.Deny) != 0);
            rules = subjects.RulesOf(decided.Node, verdict.Source, key.Value);
        }
        else
        {
            rules = subjects.EnforcingRulesOf(decided.Node, verdict.Source, direction);
        }
        return new PolicyDecision(
            subjects.NameOf(decided.Node, verdict.Source),
            Direction(decided),
            peer,
            verdict.Verdict >= 0 ? "allowed" : hasEntry ? "denied" : "denied by default",
            entry,
            [.. rules.Select(rule => rule.Described)])
        {
            Asked = new PolicyDecisionSource(verdict.Source, direction, key),
        };
    }
}

/// <summary>Whose policies are asked about.</summary>
internal interface IPolicySubjects
{
    /// <summary>What the endpoint of a node is called.</summary>
    string NameOf(string node, EndpointId endpoint);

    /// <summary>The places in rules that an entry of its policy comes from; empty where they are not known.</summary>
    IReadOnlyList<RuleReference> RulesOf(string node, EndpointId endpoint, Core.PolicyKey key);

    /// <summary>The rules that switch default deny on for it; empty where they are not known.</summary>
    IReadOnlyList<RuleReference> EnforcingRulesOf(string node, EndpointId endpoint, TrafficDirection direction);
}
