using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>Who holds which CIDR, of any size and pool, never two of them overlapping. Not thread-safe.</summary>
internal sealed class CidrOwners
{
    private readonly Dictionary<Prefix, (string Node, string Pool)> _owners = [];
    private readonly SortedSet<Prefix> _sorted = new(Comparer<Prefix>.Create((x, y) => x.Address.CompareTo(y.Address)));

    public bool TryGet(Prefix cidr, out (string Node, string Pool) owner) => _owners.TryGetValue(cidr, out owner);

    /// <summary>Finds a held CIDR that overlaps another one.</summary>
    public bool TryFindOverlap(Prefix cidr, out Prefix held)
    {
        held = default;
        if (_sorted.Count == 0)
        {
            return false;
        }

        // Held ones are apart, so only the last that begins at or before it can reach into it, and the next one begin inside.
        var before = _sorted.Comparer.Compare(_sorted.Min, cidr) <= 0 ? _sorted.GetViewBetween(_sorted.Min, cidr).Max : default;
        if (before != default && before.Overlaps(cidr))
        {
            held = before;
            return true;
        }

        var last = Prefix.Of(cidr.LastAddress);
        var inside = _sorted.GetViewBetween(cidr, last);
        if (inside.Count == 0)
        {
            return false;
        }

        held = inside.Min;
        return true;
    }

    /// <summary>Writes down a CIDR that overlaps none.</summary>
    public void Add(Prefix cidr, string node, string pool)
    {
        _owners.Add(cidr, (node, pool));
        _sorted.Add(cidr);
    }

    public void Remove(Prefix cidr)
    {
        _owners.Remove(cidr);
        _sorted.Remove(cidr);
    }
}
