using System.Diagnostics.CodeAnalysis;
using Cilium.Core;
using Cilium.Ipam.Sets;

namespace Cilium.Ipam;

/// <summary>Gives out the addresses of one family from one or more ranges, each to one owner at a time.</summary>
/// <remarks>
/// An address that was asked for with a time limit is free again when nobody commits it in time. Ranges may be added and retired while addresses
/// are in use: a retired range gives nothing more and goes when its last address is released. Giving and taking back allocates no memory once as
/// much was in use as ever is. Thread-safe.
/// </remarks>
public sealed class AddressPool
{
    private readonly Lock _lock = new();
    private readonly AddressPoolOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly List<AddressRange> _ranges = [];
    private readonly Dictionary<IpAddr, LeaseExpiry> _waiting = [];
    private readonly PriorityQueue<(IpAddr Address, Guid Id), DateTimeOffset> _expiries = new();
    private AddressRange[] _sorted = [];
    private int _used;

    /// <summary>Makes a pool without ranges.</summary>
    public AddressPool(AddressPoolOptions options, TimeProvider time, Random random)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _time = time;
        _random = random;
    }

    /// <summary>The pool's name.</summary>
    public string Name => _options.Pool;

    /// <summary>The ranges that addresses are given from.</summary>
    public IReadOnlyList<Prefix> Ranges
    {
        get
        {
            lock (_lock)
            {
                return [.. _ranges.Where(range => !range.IsRetired).Select(range => range.Range)];
            }
        }
    }

    /// <summary>Every range, retired ones too, with the addresses in use and those that could be.</summary>
    public IReadOnlyList<RangeUsage> RangeUsages
    {
        get
        {
            lock (_lock)
            {
                Expire();
                return [.. _ranges.Select(range => new RangeUsage(range.Range, (int)range.Taken, range.Usable, range.IsRetired))];
            }
        }
    }

    /// <summary>Addresses in use, and addresses that could be in use, those of retired ranges left out of the latter.</summary>
    public (int Used, UInt128 Capacity) Usage
    {
        get
        {
            lock (_lock)
            {
                Expire();
                var capacity = UInt128.Zero;
                foreach (var range in _ranges)
                {
                    var sum = capacity + (range.IsRetired ? UInt128.Zero : range.Usable);
                    capacity = sum < capacity ? UInt128.MaxValue : sum;
                }

                return (_used, capacity);
            }
        }
    }

    /// <summary>The addresses in use, sorted.</summary>
    public IReadOnlyList<AddressLease> Snapshot()
    {
        lock (_lock)
        {
            Expire();
            return [.. _sorted.SelectMany(range => range.InUse().Select(entry => LeaseOf(entry.Address, entry.Owner, range)))];
        }
    }

    /// <summary>Gives addresses to those who had them according to a snapshot, expiries included; call before anything else is given.</summary>
    /// <returns>The leases that could not be given: their address is taken, reserved or in no range.</returns>
    public IReadOnlyList<AddressLease> Restore(IEnumerable<AddressLease> leases)
    {
        ArgumentNullException.ThrowIfNull(leases);
        var refused = new List<AddressLease>();
        lock (_lock)
        {
            foreach (var lease in leases)
            {
                if (Allocate(lease.Address, lease.Owner, expires: false, lease.Purpose) is not { IsOk: true })
                {
                    refused.Add(lease);
                }
                else if (lease.Expiry is { } expiry)
                {
                    Await(lease.Address, expiry);
                }
            }
        }

        return refused;
    }

    /// <summary>Sets the ranges: new ones are added behind the others, missing ones are retired. Overlapping or foreign ones are refused.</summary>
    /// <exception cref="ArgumentException">Two ranges overlap, or a new one overlaps a retired one that is still in use.</exception>
    public void SetRanges(IReadOnlyCollection<Prefix> ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        lock (_lock)
        {
            Expire();
            var sorted = ranges.Distinct().Order().ToArray();
            for (var i = 1; i < sorted.Length; i++)
            {
                if (sorted[i - 1].Overlaps(sorted[i]))
                {
                    throw new ArgumentException($"ranges {sorted[i - 1]} and {sorted[i]} overlap", nameof(ranges));
                }
            }

            foreach (var wanted in sorted)
            {
                if (_ranges.Find(range => range.Range != wanted && range.Taken > 0 && range.Range.Overlaps(wanted)) is { } other)
                {
                    throw new ArgumentException($"range {wanted} overlaps {other.Range}, of which {other.Taken} addresses are in use", nameof(ranges));
                }
            }

            _ranges.RemoveAll(range => range.Taken == 0 && !ranges.Contains(range.Range));
            _ranges.ForEach(range => range.IsRetired = !ranges.Contains(range.Range));
            var known = _ranges.ConvertAll(range => range.Range).ToHashSet();
            _ranges.AddRange(ranges.Where(known.Add).Select(wanted => new AddressRange(wanted, _options)));
            Sort();
        }
    }

    /// <summary>Gives any free address.</summary>
    /// <param name="owner">Who asks.</param>
    /// <param name="expires">True when the address is to be free again unless it is committed in time.</param>
    /// <param name="purpose">What it is for; kept beside the owner.</param>
    public AddressResult Allocate(string owner, bool expires = false, string purpose = "")
    {
        ArgumentException.ThrowIfNullOrEmpty(owner);
        lock (_lock)
        {
            Expire();
            var hasRange = false;
            foreach (var range in _ranges)
            {
                if (range.IsRetired)
                {
                    continue;
                }

                hasRange = true;
                var ownership = new Ownership(owner, purpose);
                if (range.TryTakeAny(_options.Choice, _random, ownership, out var address))
                {
                    return Given(address, ownership, range, expires);
                }
            }

            return hasRange
                ? new AddressResult(AllocationStatus.Exhausted, null, $"range is full: {DescribeRanges()}")
                : new AddressResult(AllocationStatus.NoRange, null, "no range to allocate from");
        }
    }

    /// <summary>Gives a certain address: one that a user chose, or that was in use before a restart.</summary>
    /// <remarks>Who has the address already gets it again, committed.</remarks>
    public AddressResult Allocate(IpAddr address, string owner, bool expires = false, string purpose = "")
    {
        ArgumentException.ThrowIfNullOrEmpty(owner);
        lock (_lock)
        {
            Expire();
            if (RangeOf(address) is not { } range)
            {
                return new AddressResult(AllocationStatus.OutOfRange, null, $"address {address} is in none of the ranges: {DescribeRanges()}");
            }

            if (range.IsTaken(address))
            {
                var holder = range.OwnerOf(address);
                if (holder.Owner != owner)
                {
                    return new AddressResult(AllocationStatus.InUse, null, $"address {address} is in use by {holder.Owner}");
                }

                _waiting.Remove(address);
                return new AddressResult(AllocationStatus.Ok, LeaseOf(address, holder, range), "");
            }

            if (range.IsRetired)
            {
                return new AddressResult(AllocationStatus.OutOfRange, null, $"address {address} is in none of the ranges: {DescribeRanges()}");
            }

            if (!range.IsUsable(address))
            {
                return new AddressResult(AllocationStatus.OutOfRange, null, $"address {address} is reserved in {range.Range}");
            }

            var ownership = new Ownership(owner, purpose);
            range.Take(address, ownership);
            return Given(address, ownership, range, expires);
        }
    }

    /// <summary>Ends the wait of an address for its commit; false when it waits no longer or another wait has begun.</summary>
    public bool Commit(IpAddr address, Guid expirationId)
    {
        lock (_lock)
        {
            Expire();
            return _waiting.TryGetValue(address, out var wait) && wait.Id == expirationId && _waiting.Remove(address);
        }
    }

    /// <summary>Frees an address; false when it was free.</summary>
    public bool Release(IpAddr address)
    {
        lock (_lock)
        {
            Expire();
            return Free(address);
        }
    }

    /// <summary>Frees an address if this owner has it; false otherwise.</summary>
    public bool Release(IpAddr address, string owner)
    {
        lock (_lock)
        {
            Expire();
            return RangeOf(address) is { } range && range.IsTaken(address) && range.OwnerOf(address).Owner == owner && Free(address);
        }
    }

    /// <summary>Finds who has an address.</summary>
    public bool TryGet(IpAddr address, [NotNullWhen(true)] out AddressLease? lease)
    {
        lock (_lock)
        {
            Expire();
            lease = RangeOf(address) is { } range && range.IsTaken(address) ? LeaseOf(address, range.OwnerOf(address), range) : null;
            return lease is not null;
        }
    }

    private AddressResult Given(IpAddr address, Ownership owner, AddressRange range, bool expires)
    {
        _used++;
        if (expires)
        {
            Await(address, new LeaseExpiry(Guid.NewGuid(), _time.GetUtcNow() + _options.CommitWithin));
        }

        return new AddressResult(AllocationStatus.Ok, LeaseOf(address, owner, range), "");
    }

    private void Await(IpAddr address, LeaseExpiry expiry)
    {
        _waiting[address] = expiry;
        _expiries.Enqueue((address, expiry.Id), expiry.Due);
    }

    private AddressLease LeaseOf(IpAddr address, Ownership owner, AddressRange range) =>
        _waiting.Count > 0 && _waiting.TryGetValue(address, out var wait)
            ? new AddressLease(address, owner.Owner, range.Range, owner.Purpose, _options.Pool, wait)
            : new AddressLease(address, owner.Owner, range.Range, owner.Purpose, _options.Pool);

    // Expired addresses are freed when someone looks, so that no timer is needed and time has one reader.
    private void Expire()
    {
        while (_expiries.TryPeek(out var entry, out var due) && due <= _time.GetUtcNow())
        {
            _expiries.Dequeue();
            if (_waiting.TryGetValue(entry.Address, out var wait) && wait.Id == entry.Id)
            {
                Free(entry.Address);
            }
        }
    }

    private bool Free(IpAddr address)
    {
        if (RangeOf(address) is not { } range || !range.Free(address))
        {
            return false;
        }

        _used--;
        _waiting.Remove(address);
        if (range.Taken == 0 && range.IsRetired)
        {
            _ranges.Remove(range);
            Sort();
        }

        return true;
    }

    private void Sort() => _sorted = [.. _ranges.OrderBy(range => range.Range.Address)];

    // Ranges do not overlap: the one with the greatest first address that is not behind the address is the only candidate.
    private AddressRange? RangeOf(IpAddr address)
    {
        var (low, high) = (0, _sorted.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (_sorted[middle].Range.Address <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return high >= 0 && _sorted[high].Range.Contains(address) ? _sorted[high] : null;
    }

    private string DescribeRanges() => string.Join(", ", _ranges.Select(range =>
        $"{range.Range} ({range.Taken}/{range.Usable} in use{(range.IsRetired ? ", retired" : "")})"));
}

/// <summary>How much of a range is in use.</summary>
/// <param name="Range">The range.</param>
/// <param name="Used">Addresses in use.</param>
/// <param name="Usable">Addresses that could be in use.</param>
/// <param name="IsRetired">True when it gives nothing more.</param>
public readonly record struct RangeUsage(Prefix Range, int Used, UInt128 Usable, bool IsRetired);
