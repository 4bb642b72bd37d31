using Cilium.Core;

namespace Cilium.Policy;

/// <summary>What makes two elements of rules the same for compilation.</summary>
internal sealed record PlanItemContent(TrafficDirection Direction, bool IsDeny, PeerRule Rule);

/// <summary>An element of rules made ready: its selectors in the cache, its ports as keys. Shared by all plans that have it.</summary>
internal sealed class PlanItem
{
    private readonly PortKey[] _keys;
    private readonly PortMatch[] _names;

    public PlanItem(int id, PlanItemContent content, SelectorCache selectors)
    {
        Id = id;
        Content = content;
        IsWildcard = content.Rule.Peers.Any(peer => peer.IsWildcard);
        Selectors = IsWildcard ? [] : [.. content.Rule.Peers.Select(selectors.Acquire)];
        (_keys, _names) = Prepare(content.Rule.Ports);
    }

    public int Id { get; }

    public PlanItemContent Content { get; }

    public bool IsWildcard { get; }

    public SelectorMatches[] Selectors { get; }

    public int Plans { get; set; }

    public bool HasNames => _names.Length > 0;

    /// <summary>True when the ports depend on who the peer is.</summary>
    public bool HasRemoteNames => HasNames && Content.Direction == TrafficDirection.Egress;

    public static (PortKey[] Keys, PortMatch[] Names) Prepare(EquatableArray<PortMatch> ports)
    {
        var keys = new List<PortKey>();
        foreach (var port in ports)
        {
            if (port.Name is null)
            {
                PortKey.AddRange(keys, port.Protocol, port.First, port.Last);
            }
        }

        return ([.. keys.Distinct()], [.. ports.Where(port => port.Name is not null)]);
    }

    /// <summary>Adds the keys of numbered ports.</summary>
    public void AddKeys(HashSet<PortKey> keys)
    {
        foreach (var key in _keys)
        {
            keys.Add(key);
        }
    }

    /// <summary>Adds the keys of named ports as their receiver defines them.</summary>
    public void AddNamedKeys(HashSet<PortKey> keys, EquatableArray<NamedPort> receiver)
    {
        foreach (var match in _names)
        {
            foreach (var port in receiver.AsSpan())
            {
                if (port.Name == match.Name && port.Protocol == match.Protocol)
                {
                    keys.Add(new PortKey(port.Protocol, port.Port, 16));
                }
            }
        }
    }
}
