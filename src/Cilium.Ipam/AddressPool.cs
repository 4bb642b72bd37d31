using System.Diagnostics.CodeAnalysis;
using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>Gives out the addresses of one family from one or more ranges, each to one owner at a time.</summary>
/// <remarks>
/// An address that was asked for with a time limit is free again when nobody commits it in time. Ranges may be added and retired while addresses
/// are in use: a retired range gives nothing more and goes when its last address is released. Thread-safe.
/// </remarks>
public sealed class AddressPool
{
    private readonly Lock _lock = new();
    private readonly AddressPoolOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly List<AddressSet> _ranges = [];
    private readonly HashSet<Prefix> _retired = [];
    private readonly Dictionary<IpAddr, AddressLease> _leases = [];
    private readonly PriorityQueue<AddressLease, DateTimeOffset> _expiries = new();

    /// <summary>Makes a pool without ranges.</summary>
    public AddressPool(AddressPoolOptions options, TimeProvider time, Random random)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _time = time;
        _random = random;
    }

    /// <summary>The ranges that addresses are given from.</summary>
    public IReadOnlyList<Prefix> Ranges
    {
        get
        {
            lock (_lock)
            {
                return [.. _ranges.Select(range => range.Range).Where(range => !_retired.Contains(range))];
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
                    var sum = capacity + (_retired.Contains(range.Range) ? UInt128.Zero : range.Usable);
                    capacity = sum < capacity ? UInt128.MaxValue : sum;
                }

                return (_leases.Count, capacity);
            }
        }
    }

    /// <summary>The addresses in use, sorted.</summary>
    public IReadOnlyList<AddressLease> Snapshot()
    {
        lock (_lock)
        {
            Expire();
            return [.. _leases.Values.OrderBy(lease => lease.Address)];
        }
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
            _retired.Clear();
            _retired.UnionWith(_ranges.Select(range => range.Range).Where(range => !ranges.Contains(range)));
            foreach (var wanted in ranges.Distinct())
            {
                if (!_ranges.Exists(range => range.Range == wanted))
                {
                    _ranges.Add(new AddressSet(wanted, _options.ReserveFirstAndLast));
                }
            }
        }
    }

    /// <summary>Gives any free address.</summary>
    /// <param name="owner">Who asks.</param>
    /// <param name="expires">True when the address is to be free again unless it is committed in time.</param>
    public AddressResult Allocate(string owner, bool expires = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(owner);
        lock (_lock)
        {
            Expire();
            foreach (var range in _ranges)
            {
                if (!_retired.Contains(range.Range) && range.TryTakeAny(_random, out var address))
                {
                    return Given(address, owner, range, expires);
                }
            }

            return _ranges.Count == _retired.Count
                ? new AddressResult(AllocationStatus.NoRange, null, "no range to allocate from")
                : new AddressResult(AllocationStatus.Exhausted, null, $"range is full: {DescribeRanges()}");
        }
    }

    /// <summary>Gives a certain address: one that a user chose, or that was in use before a restart.</summary>
    /// <remarks>Who has the address already gets it again, committed.</remarks>
    public AddressResult Allocate(IpAddr address, string owner, bool expires = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(owner);
        lock (_lock)
        {
            Expire();
            if (_leases.TryGetValue(address, out var lease))
            {
                return lease.Owner == owner
                    ? new AddressResult(AllocationStatus.Ok, Commit(lease), "")
                    : new AddressResult(AllocationStatus.InUse, null, $"address {address} is in use by {lease.Owner}");
            }

            var range = _ranges.Find(candidate => candidate.Range.Contains(address) && !_retired.Contains(candidate.Range));
            if (range is null)
            {
                return new AddressResult(AllocationStatus.OutOfRange, null, $"address {address} is in none of the ranges: {DescribeRanges()}");
            }

            if (!range.IsUsable(address))
            {
                return new AddressResult(AllocationStatus.OutOfRange, null, $"address {address} is reserved in {range.Range}");
            }

            range.Take(address);
            return Given(address, owner, range, expires);
        }
    }

    /// <summary>Ends the wait of an address for its commit; false when it waits no longer or another wait has begun.</summary>
    public bool Commit(IpAddr address, Guid expirationId)
    {
        lock (_lock)
        {
            Expire();
            if (!_leases.TryGetValue(address, out var lease) || lease.ExpirationId != expirationId)
            {
                return false;
            }

            Commit(lease);
            return true;
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
            return _leases.TryGetValue(address, out var lease) && lease.Owner == owner && Free(address);
        }
    }

    /// <summary>Finds who has an address.</summary>
    public bool TryGet(IpAddr address, [NotNullWhen(true)] out AddressLease? lease)
    {
        lock (_lock)
        {
            Expire();
            return _leases.TryGetValue(address, out lease);
        }
    }

    private AddressResult Given(IpAddr address, string owner, AddressSet range, bool expires)
    {
        var lease = new AddressLease(address, owner, range.Range);
        if (expires)
        {
            lease = lease with { ExpirationId = Guid.NewGuid(), ExpiresAt = _time.GetUtcNow() + _options.CommitWithin };
            _expiries.Enqueue(lease, lease.ExpiresAt.Value);
        }

        _leases.Add(address, lease);
        return new AddressResult(AllocationStatus.Ok, lease, "");
    }

    private AddressLease Commit(AddressLease lease)
    {
        var committed = lease with { ExpirationId = null, ExpiresAt = null };
        _leases[lease.Address] = committed;
        return committed;
    }

    // Expired addresses are freed when someone looks, so that no timer is needed and time has one reader.
    private void Expire()
    {
        while (_expiries.TryPeek(out var lease, out var due) && due <= _time.GetUtcNow())
        {
            _expiries.Dequeue();
            if (_leases.TryGetValue(lease.Address, out var current) && current.ExpirationId == lease.ExpirationId)
            {
                Free(lease.Address);
            }
        }
    }

    private bool Free(IpAddr address)
    {
        if (!_leases.Remove(address, out var lease))
        {
            return false;
        }

        var range = _ranges.Find(candidate => candidate.Range == lease.Range)!;
        range.Free(address);
        if (range.Taken == 0 && _retired.Remove(range.Range))
        {
            _ranges.Remove(range);
        }

        return true;
    }

    private string DescribeRanges() => string.Join(", ", _ranges.Select(range =>
        $"{range.Range} ({range.Taken}/{range.Usable} in use{(_retired.Contains(range.Range) ? ", retired" : "")})"));
}
