using System.Collections.Concurrent;
using Cilium.Core;

namespace Cilium.Policy;

/// <summary>Which objects are behind the verdicts on a subject's traffic, as of the commit that last changed its rules.</summary>
/// <remarks>
/// Says so also when the rules have changed since, so that what was seen is explained by what was in force. It holds rules, no entries: what only
/// comes and goes with identities does not change it. Named ports of peers are those of the present. Immutable otherwise, and thread-safe.
/// </remarks>
public sealed class PolicyAttribution
{
    private readonly IReadOnlyList<(PlanItemContent Content, PolicyOrigin Origin)> _elements;
    private readonly EquatableArray<NamedPort> _ownPorts;
    private readonly ConcurrentDictionary<Identity, EquatableArray<NamedPort>> _peerPorts;
    private readonly ClusterFacts _cluster;
    private Element[]? _prepared;

    internal PolicyAttribution(
        IReadOnlyList<(PlanItemContent Content, PolicyOrigin Origin)> elements,
        EquatableArray<NamedPort> ownPorts,
        ConcurrentDictionary<Identity, EquatableArray<NamedPort>> peerPorts,
        ClusterFacts cluster,
        long revision)
    {
        _elements = elements;
        _ownPorts = ownPorts;
        _peerPorts = peerPorts;
        _cluster = cluster;
        Revision = revision;
    }

    /// <summary>The commit (<see cref="PolicyEngine.Revision"/>) as of which it speaks.</summary>
    public long Revision { get; }

    /// <summary>The objects whose rules gave the entry that decides on a packet, in the order of <see cref="PolicyEntry"/>; empty when none does. Sorted.</summary>
    /// <param name="direction">The direction, as the subject sees it.</param>
    /// <param name="peer">The other end; one without labels is one that nobody knew, and only rules for everybody match it.</param>
    /// <param name="protocol">The packet's protocol.</param>
    /// <param name="port">Its destination port, for ICMP its type; host order.</param>
    /// <param name="isDeny">Whether the entry denies.</param>
    public IReadOnlyList<PolicyOrigin> Find(TrafficDirection direction, KnownIdentity peer, L4Protocol protocol, ushort port, out bool isDeny)
    {
        ArgumentNullException.ThrowIfNull(peer);
        var receiver = direction == TrafficDirection.Ingress ? _ownPorts : _peerPorts.GetValueOrDefault(peer.Id);
        var best = default(Rank);
        var origins = new SortedSet<PolicyOrigin>();
        foreach (var element in LazyInitializer.EnsureInitialized(ref _prepared, Prepare))
        {
            var rank = element.Content.Direction == direction ? element.RankFor(peer, protocol, port, receiver, _cluster) : default;
            if (rank.CompareTo(best) > 0)
            {
                best = rank;
                origins.Clear();
            }

            if (rank.Decides && rank == best)
            {
                origins.Add(element.Origin);
            }
        }

        isDeny = best.IsDeny;
        return [.. origins];
    }

    private Element[] Prepare() => [.. _elements.Select(element => new Element(element.Content, element.Origin))];

    /// <summary>How an element's entry stands among those that match a packet: any deny before any allow, the peer's before everybody's, the longer before the shorter.</summary>
    /// <param name="IsDeny">Whether it denies.</param>
    /// <param name="IsOfPeer">Whether it stands under the peer's identity, not under the wildcard.</param>
    /// <param name="Length">1 for all traffic, from 2 on for a protocol, the more the longer the prefix of the port; 0 for no match.</param>
    private readonly record struct Rank(bool IsDeny, bool IsOfPeer, int Length) : IComparable<Rank>
    {
        public bool Decides => Length > 0;

        public int CompareTo(Rank other)
        {
            var order = Decides.CompareTo(other.Decides);
            order = order != 0 ? order : IsDeny.CompareTo(other.IsDeny);
            order = order != 0 ? order : IsOfPeer.CompareTo(other.IsOfPeer);
            return order != 0 ? order : Length.CompareTo(other.Length);
        }
    }

    private sealed class Element
    {
        private const int ExactPort = 18;
        private readonly PortKey[] _keys;
        private readonly PortMatch[] _names;
        private readonly bool _isWildcard;

        public Element(PlanItemContent content, PolicyOrigin origin)
        {
            Content = content;
            Origin = origin;
            _isWildcard = content.Rule.Peers.Any(selector => selector.IsWildcard);
            (_keys, _names) = PlanItem.Prepare(content.Rule.Ports);
        }

        public PlanItemContent Content { get; }

        public PolicyOrigin Origin { get; }

        public Rank RankFor(KnownIdentity peer, L4Protocol protocol, ushort port, EquatableArray<NamedPort> receiver, ClusterFacts cluster)
        {
            if (!_isWildcard && (peer.Labels.Count == 0 || !Content.Rule.Peers.Any(selector => selector.Matches(peer, cluster))))
            {
                return default;
            }

            var best = default(Rank);
            foreach (var key in _keys)
            {
                if (key.Protocol == L4Protocol.Any || (key.Protocol == protocol && (port ^ key.Port) >> (16 - key.PrefixLength) == 0))
                {
                    best = Better(best, new Rank(Content.IsDeny, !_isWildcard, key.Protocol == L4Protocol.Any ? 1 : 2 + key.PrefixLength));
                }
            }

            foreach (var name in _names)
            {
                if (receiver.Any(named => named.Name == name.Name && named.Protocol == name.Protocol && named.Protocol == protocol && named.Port == port))
                {
                    // Which port a name is depends on who receives: of egress, the peer.
                    best = Better(best, new Rank(Content.IsDeny, !_isWildcard || Content.Direction == TrafficDirection.Egress, ExactPort));
                }
            }

            return best;
        }

        private static Rank Better(Rank left, Rank right) => left.CompareTo(right) >= 0 ? left : right;
    }
}
