using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>One family of one pool on a node: its addresses, its CIDRs and what it needs. Not thread-safe.</summary>
/// <param name="addresses">The addresses.</param>
/// <param name="preAllocate">How many addresses are kept ready.</param>
/// <param name="pendingFor">How long an unanswered request counts.</param>
/// <param name="time">The clock.</param>
internal sealed class NodePoolFamily(AddressPool addresses, int preAllocate, TimeSpan pendingFor, TimeProvider time)
{
    private readonly Dictionary<string, DateTimeOffset> _pending = [];
    private readonly HashSet<Prefix> _letGo = [];
    private EquatableArray<Prefix> _allocated = [];
    private HashSet<Prefix> _drained = [];

    public AddressPool Addresses { get; } = addresses;

    public bool HasRange => Addresses.Ranges.Count > 0;

    /// <summary>True when nothing is held, in use or asked for.</summary>
    public bool IsIdle => _allocated.Count == 0 && _letGo.Count == 0 && Demand() == 0 && Addresses.RangeUsages.Count == 0;

    public AddressResult Allocate(AddressRequest request)
    {
        var result = Addresses.Allocate(request.Owner, request.Expires, request.Purpose);
        if (result.IsOk)
        {
            _pending.Remove(request.Owner);
            return result;
        }

        Await(request.Owner);
        return new AddressResult(AllocationStatus.Pending, null, $"pool {Addresses.Name} has no free address on this node yet: {result.Message}");
    }

    /// <summary>Counts a request that could not be answered as demand.</summary>
    public void Await(string owner) => _pending[owner] = time.GetUtcNow() + pendingFor;

    /// <summary>Addresses needed in all: in use and asked for, and what is kept ready, in steps of the latter.</summary>
    public int Demand()
    {
        var now = time.GetUtcNow();
        foreach (var (owner, due) in _pending)
        {
            if (due <= now)
            {
                _pending.Remove(owner);
            }
        }

        var needed = Addresses.RangeUsages.Sum(range => range.Used) + _pending.Count + preAllocate;
        return preAllocate > 0 ? (needed + preAllocate - 1) / preAllocate * preAllocate : needed;
    }

    public void SetAllocated(IReadOnlyList<Prefix> cidrs, IReadOnlySet<Prefix> drained)
    {
        // What was let go is over when it is no longer listed, and may then be given anew.
        _letGo.IntersectWith(cidrs);
        _allocated = cidrs.Distinct().ToEquatableArray();
        _drained = [.. cidrs.Where(drained.Contains)];
        Apply();
    }

    /// <summary>Lets go of drained CIDRs as soon as they are free, and of other free ones, the newest first, as long as the rest suffices.</summary>
    public IEnumerable<Prefix> Keep()
    {
        var used = Addresses.RangeUsages.Where(range => range.Used > 0).Select(range => range.Range).ToHashSet();
        _letGo.UnionWith(_drained.Where(cidr => !used.Contains(cidr)));
        var demand = (UInt128)Demand();
        var ranges = Addresses.RangeUsages.Where(range => !range.IsRetired).ToList();
        for (var i = ranges.Count - 1; i >= 0; i--)
        {
            var others = ranges.Where((_, index) => index != i).Aggregate(UInt128.Zero, (sum, range) => Saturated(sum, range.Usable));
            if (ranges[i].Used == 0 && others >= demand)
            {
                _letGo.Add(ranges[i].Range);
                ranges.RemoveAt(i);
            }
        }

        Apply();
        return _allocated.Where(cidr => !_letGo.Contains(cidr));
    }

    private static UInt128 Saturated(UInt128 sum, UInt128 usable) => sum + usable < sum ? UInt128.MaxValue : sum + usable;

    private void Apply()
    {
        // A CIDR that overlaps another one, or addresses of a former one that are still in use, waits.
        var ranges = new List<Prefix>();
        var former = Addresses.RangeUsages.Where(range => range.Used > 0).Select(range => range.Range).ToList();
        foreach (var cidr in _allocated.Where(cidr => !_letGo.Contains(cidr) && !_drained.Contains(cidr)))
        {
            if (!ranges.Exists(cidr.Overlaps) && !former.Exists(range => range != cidr && range.Overlaps(cidr)))
            {
                ranges.Add(cidr);
            }
        }

        Addresses.SetRanges(ranges);
    }
}
