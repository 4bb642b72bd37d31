using Cilium.Core;
using Cilium.Hubble.Enrichment;
using Cilium.Policy;

namespace Cilium.ControlPlane.Observation;

/// <summary>Answers Hubble from what the policy engine knew.</summary>
internal sealed class EndpointPolicies(PolicyAttribution attribution) : IHubblePolicies
{
    public PolicyAttribution Attribution => attribution;

    public IEnumerable<HubblePolicy> Behind(in HubbleVerdict verdict)
    {
        var peer = new KnownIdentity(verdict.Peer, LabelSet.Parse(verdict.PeerLabels));
        var origins = attribution.Find(verdict.Direction, peer, verdict.Protocol, verdict.Port, out var isDeny);
        return isDeny == verdict.IsDenied ? origins.Select(Describe) : [];
    }

    // What no object says, such as the entry that lets the node reach its pods, has labels alone.
    private HubblePolicy Describe(PolicyOrigin origin) => new(
        origin.Kind,
        origin.Namespace,
        origin.Kind.Length == 0 ? "" : origin.Name,
        [.. origin.ToLabels().Select(label => label.ToString()).Order(StringComparer.Ordinal)],
        (ulong)attribution.Revision);
}
