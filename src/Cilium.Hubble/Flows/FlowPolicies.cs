using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Hubble.Enrichment;

namespace Cilium.Hubble.Flows;

/// <summary>Names the policies behind a verdict.</summary>
/// <remarks>
/// Of verdicts that a rule gave, as upstream does (pkg/hubble/parser/common, policy correlation): a packet that no rule matched has none to name. The
/// policies are those of the time of the event; in the moment between their change and its arrival in the kernel, those to come.
/// </remarks>
internal static class FlowPolicies
{
    public static void Fill(Proto.Flow flow, in DatapathEvent datapathEvent, HubbleSnapshot snapshot)
    {
        var isDenied = flow.Verdict == Proto.Verdict.Dropped;
        if ((isDenied && flow.DropReasonDesc != Proto.DropReason.PolicyDeny) || !snapshot.Policies.TryGetValue(datapathEvent.Source, out var policies))
        {
            return;
        }

        var isIngress = datapathEvent.Direction == TrafficDirection.Ingress;
        var peer = new Identity(isIngress ? flow.Source.Identity : flow.Destination.Identity);
        var named = (isIngress, isDenied) switch
        {
            (true, true) => flow.IngressDeniedBy,
            (true, false) => flow.IngressAllowedBy,
            (false, true) => flow.EgressDeniedBy,
            (false, false) => flow.EgressAllowedBy,
        };
        var verdict = new HubbleVerdict(
            datapathEvent.Direction, peer, snapshot.LabelsOf(peer), datapathEvent.Protocol, datapathEvent.DestinationPort, isDenied);
        foreach (var policy in policies.Behind(verdict))
        {
            var message = new Proto.Policy { Name = policy.Name, Namespace = policy.Namespace, Kind = policy.Kind, Revision = policy.Revision };
            message.Labels.AddRange(policy.Labels);
            named.Add(message);
        }
    }
}
