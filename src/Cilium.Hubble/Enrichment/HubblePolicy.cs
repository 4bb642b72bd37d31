using System.Collections.Immutable;
using Cilium.Core;

namespace Cilium.Hubble.Enrichment;

/// <summary>A policy object as flows name it.</summary>
/// <param name="Kind">Its kind, for example <c>CiliumNetworkPolicy</c>; empty for what no object says.</param>
/// <param name="Namespace">Its namespace; empty for what has none.</param>
/// <param name="Name">Its name; empty for what no object says.</param>
/// <param name="Labels">The labels of its rules, as <c>source:key=value</c>.</param>
/// <param name="Revision">The revision of the node's policies that first had it so.</param>
public sealed record HubblePolicy(string Kind, string Namespace, string Name, EquatableArray<string> Labels, ulong Revision);

/// <summary>A verdict on a packet as its endpoint's policy sees it.</summary>
/// <param name="Direction">The direction, as the endpoint sees it.</param>
/// <param name="Peer">The identity of the other end.</param>
/// <param name="PeerLabels">Its labels at that time, as <c>source:key=value</c>.</param>
/// <param name="Protocol">The packet's protocol.</param>
/// <param name="Port">Its destination port, for ICMP its type; host order.</param>
/// <param name="IsDenied">Whether a rule denied it, else one allowed it.</param>
public readonly record struct HubbleVerdict(
    TrafficDirection Direction, Identity Peer, ImmutableArray<string> PeerLabels, L4Protocol Protocol, ushort Port, bool IsDenied);

/// <summary>The policies of one endpoint as of one moment. Immutable and thread-safe.</summary>
public interface IHubblePolicies
{
    /// <summary>The policies that gave a verdict; none when those of that moment would not have given it.</summary>
    IEnumerable<HubblePolicy> Behind(in HubbleVerdict verdict);
}
