using Cilium.Core;
using Cilium.Datapath.IpCache;

namespace Cilium.ControlPlane.Addresses;

/// <summary>What every source says of every prefix, and which of them is believed. Costs what a change costs, not what the table holds.</summary>
/// <remarks>Not thread-safe. Of two claims of one source the one with the smaller name is believed, so that the order of arrival does not matter.</remarks>
internal sealed class AddressClaims
{
    private readonly Dictionary<(AddressSource Source, string Name), List<IpCacheRow>> _bySource = [];
    private readonly Dictionary<Prefix, SortedDictionary<(AddressSource Source, string Name), IpCacheRow>> _byPrefix = [];
    private readonly HashSet<Prefix> _changed = [];

    /// <summary>Sets everything that one source object says, in the place of what it said before; nothing to withdraw it.</summary>
    public void Set(AddressSource source, string name, params IReadOnlyList<IpCacheRow> rows)
    {
        var key = (source, name);
        if (_bySource.Remove(key, out var before))
        {
            foreach (var row in before)
            {
                var claims = _byPrefix[row.Prefix];
                claims.Remove(key);
                if (claims.Count == 0)
                {
                    _byPrefix.Remove(row.Prefix);
                }

                _changed.Add(row.Prefix);
            }
        }

        if (rows.Count == 0)
        {
            return;
        }

        _bySource[key] = [.. rows];
        foreach (var row in rows)
        {
            if (!_byPrefix.TryGetValue(row.Prefix, out var claims))
            {
                _byPrefix[row.Prefix] = claims = new SortedDictionary<(AddressSource, string), IpCacheRow>(ClaimOrder.Instance);
            }

            claims[key] = row;
            _changed.Add(row.Prefix);
        }
    }

    /// <summary>The prefixes touched since the last call with what is believed of them now; null for nothing.</summary>
    public IReadOnlyList<(Prefix Prefix, IpCacheRow? Row)> TakeChanges()
    {
        var changes = new List<(Prefix, IpCacheRow?)>(_changed.Count);
        foreach (var prefix in _changed)
        {
            changes.Add((prefix, _byPrefix.TryGetValue(prefix, out var claims) ? claims.First().Value : null));
        }

        _changed.Clear();
        return changes;
    }

    private sealed class ClaimOrder : IComparer<(AddressSource Source, string Name)>
    {
        public static readonly ClaimOrder Instance = new();

        public int Compare((AddressSource Source, string Name) x, (AddressSource Source, string Name) y)
        {
            var order = x.Source.CompareTo(y.Source);
            return order != 0 ? order : string.CompareOrdinal(x.Name, y.Name);
        }
    }
}
