using Cilium.Core;

namespace Cilium.Policy;

/// <summary>One element of a section in normal form: traffic with any of the peers on any of the ports.</summary>
/// <param name="Peers">Whom; without any, nobody.</param>
/// <param name="Ports">Which traffic; without any, none.</param>
public sealed record PeerRule(EquatableArray<PeerSelector> Peers, EquatableArray<PortMatch> Ports)
{
    /// <summary>The empty element <c>{}</c>: it matches nothing, and its presence turns default deny on.</summary>
    public static PeerRule Nothing { get; } = new(default, default);

    /// <summary>Makes the normal form of an element as it is written.</summary>
    /// <param name="peers">The selectors of its L3 members; null when it has none.</param>
    /// <param name="ports">The ports and ICMP types of its L4 members; null when it has none.</param>
    /// <remarks>
    /// No peer, whether no member is written or an exception leaves none, means everybody when there are ports, and nobody when there are none.
    /// A list that is written and empty is <see cref="Nothing"/>, which its decoder says.
    /// No port member means all traffic; a port member without ports means no traffic.
    /// </remarks>
    public static PeerRule Create(IEnumerable<PeerSelector>? peers = null, IEnumerable<PortMatch>? ports = null)
    {
        var selected = (peers ?? []).Distinct().ToEquatableArray();
        if (selected.Count == 0)
        {
            if (ports is null)
            {
                return Nothing;
            }

            selected = [PeerSelector.All];
        }

        return new PeerRule(selected, ports is null ? [PortMatch.Everything] : ports.Distinct().ToEquatableArray());
    }
}
