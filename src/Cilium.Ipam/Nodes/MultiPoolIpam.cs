using System.Diagnostics.CodeAnalysis;
using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>The addresses of one node from several pools, whose CIDRs come and go as they are needed (mode <c>multi-pool</c>).</summary>
/// <remarks>
/// The node tells what it needs (<see cref="Demands"/>) and which CIDRs it keeps (<see cref="Keep"/>); whoever owns the pools answers with CIDRs
/// (<see cref="SetAllocated"/>). A CIDR that the node let go gives nothing more, and is forgotten when the answer no longer has it. Thread-safe.
/// </remarks>
public sealed class MultiPoolIpam : INodeIpam
{
    private readonly Lock _lock = new();
    private readonly MultiPoolOptions _options;
    private readonly TimeProvider _time;
    private readonly Random? _random;
    private readonly Signal _demandChanged = new();
    private readonly Signal _addressesArrived = new();
    private readonly SortedDictionary<string, NodePool> _pools = new(StringComparer.Ordinal);

    /// <summary>Makes an allocator without CIDRs.</summary>
    /// <param name="hasIPv4">True when IPv4 is enabled.</param>
    /// <param name="hasIPv6">True when IPv6 is enabled.</param>
    /// <param name="options">Pools and pre-allocation.</param>
    /// <param name="time">The clock of expiries.</param>
    /// <param name="random">Where searches start.</param>
    public MultiPoolIpam(bool hasIPv4, bool hasIPv6, MultiPoolOptions? options = null, TimeProvider? time = null, Random? random = null)
    {
        HasIPv4 = hasIPv4;
        HasIPv6 = hasIPv6;
        _options = options ?? new MultiPoolOptions();
        _time = time ?? TimeProvider.System;
        _random = random;
    }

    /// <inheritdoc/>
    public bool HasIPv4 { get; }

    /// <inheritdoc/>
    public bool HasIPv6 { get; }

    /// <inheritdoc/>
    public bool IsReady
    {
        get
        {
            lock (_lock)
            {
                return _pools.TryGetValue(_options.DefaultPool, out var pool)
                    && pool.IPv4 is not { HasRange: false } && pool.IPv6 is not { HasRange: false };
            }
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<PoolUsage> Pools
    {
        get
        {
            lock (_lock)
            {
                return [.. Families(isIPv4: true).Select(family => NodeIpam.UsageOf(family.Addresses, true)), .. Families(isIPv4: false).Select(family => NodeIpam.UsageOf(family.Addresses, false))];
            }
        }
    }

    /// <summary>Completes when <see cref="Demands"/> may have changed since this was read.</summary>
    public Task WhenDemandChanges => _demandChanged.Next;

    /// <summary>Completes when CIDRs have come since this was read, so that pending requests may be tried again.</summary>
    public Task WhenAddressesArrive => _addressesArrived.Next;

    /// <summary>What this node needs of each pool; pools of which it needs nothing are left out.</summary>
    public IReadOnlyList<PoolDemand> Demands()
    {
        lock (_lock)
        {
            PoolNamed(_options.DefaultPool);
            foreach (var name in _options.PreAllocate.Keys)
            {
                PoolNamed(name);
            }

            return [.. _pools.Values.Select(pool => new PoolDemand(pool.Name, pool.IPv4?.Demand() ?? 0, pool.IPv6?.Demand() ?? 0)).Where(demand => demand is not { IPv4: 0, IPv6: 0 })];
        }
    }

    /// <summary>Takes over the CIDRs that this node was given: new ones serve from now on, missing ones give nothing more.</summary>
    /// <remarks>A CIDR that overlaps one with addresses in use is left out until those are gone.</remarks>
    /// <param name="allocated">The CIDRs of each pool.</param>
    /// <param name="drained">Those of them that give nothing more and are let go when they are empty; null for none. Nothing that is in use may
    /// be unknown then: after a restart give it only once all addresses are taken back.</param>
    public void SetAllocated(IReadOnlyCollection<PoolCidrs> allocated, IReadOnlySet<Prefix>? drained = null)
    {
        ArgumentNullException.ThrowIfNull(allocated);
        drained ??= new HashSet<Prefix>();
        lock (_lock)
        {
            foreach (var given in allocated)
            {
                PoolNamed(given.Pool);
            }

            foreach (var pool in _pools.Values)
            {
                var cidrs = allocated.Where(given => given.Pool == pool.Name).SelectMany(given => given.Cidrs).ToArray();
                pool.IPv4?.SetAllocated([.. cidrs.Where(cidr => cidr.IsIPv4)], drained);
                pool.IPv6?.SetAllocated([.. cidrs.Where(cidr => !cidr.IsIPv4)], drained);
            }

            foreach (var idle in _pools.Values.Where(pool => pool.IsIdle).ToList())
            {
                _pools.Remove(idle.Name);
            }
        }

        _addressesArrived.Raise();
    }

    /// <summary>Lets go of CIDRs that are free and not needed, and tells which ones this node keeps.</summary>
    /// <returns>The CIDRs of each pool; those of a family that is off are not kept.</returns>
    public IReadOnlyList<PoolCidrs> Keep()
    {
        lock (_lock)
        {
            return [.. _pools.Values.Select(pool => new PoolCidrs(pool.Name, (pool.IPv4?.Keep() ?? []).Concat(pool.IPv6?.Keep() ?? []).ToEquatableArray()))
                .Where(held => held.Cidrs.Count > 0)];
        }
    }

    /// <inheritdoc/>
    /// <remarks>A request that a pool cannot answer is <see cref="AllocationStatus.Pending"/>, and counts as demand for a while.</remarks>
    public NodeAddresses Allocate(AddressRequest request)
    {
        ArgumentException.ThrowIfNullOrEmpty(request.Owner);
        lock (_lock)
        {
            var four = HasIPv4 ? PoolNamed(NameOf(request.IPv4Pool)).IPv4 : null;
            var six = HasIPv6 ? PoolNamed(NameOf(request.IPv6Pool)).IPv6 : null;
            _demandChanged.Raise();
            return FamilyRequest.Ask(
                request,
                four is null ? null : () => four.Allocate(request),
                six is null ? null : () => six.Allocate(request),
                lease =>
                {
                    // The other family's addresses are on their way: this one will be asked for again with them.
                    four!.Addresses.Release(lease.Address);
                    four.Await(request.Owner);
                });
        }
    }

    /// <inheritdoc/>
    public AddressResult Allocate(IpAddr address, string owner, bool expires = false, string purpose = "")
    {
        lock (_lock)
        {
            _demandChanged.Raise();
            return FamilyOf(address) is { } family
                ? family.Addresses.Allocate(address, owner, expires, purpose)
                : new AddressResult(AllocationStatus.OutOfRange, null, $"address {address} is in no CIDR of this node");
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<AddressLease> Restore(IEnumerable<AddressLease> leases)
    {
        lock (_lock)
        {
            _demandChanged.Raise();
            return NodeIpam.Restore(leases, address => FamilyOf(address)?.Addresses);
        }
    }

    /// <inheritdoc/>
    public bool Commit(IpAddr address, Guid expirationId)
    {
        lock (_lock)
        {
            return FamilyOf(address)?.Addresses.Commit(address, expirationId) ?? false;
        }
    }

    /// <inheritdoc/>
    public bool Release(IpAddr address)
    {
        lock (_lock)
        {
            _demandChanged.Raise();
            return FamilyOf(address)?.Addresses.Release(address) ?? false;
        }
    }

    /// <inheritdoc/>
    public bool Release(IpAddr address, string owner)
    {
        lock (_lock)
        {
            _demandChanged.Raise();
            return FamilyOf(address)?.Addresses.Release(address, owner) ?? false;
        }
    }

    /// <inheritdoc/>
    public bool TryGet(IpAddr address, [NotNullWhen(true)] out AddressLease? lease)
    {
        lock (_lock)
        {
            lease = null;
            return FamilyOf(address)?.Addresses.TryGet(address, out lease) ?? false;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<AddressLease> Snapshot()
    {
        lock (_lock)
        {
            return [.. Families(isIPv4: true).Concat(Families(isIPv4: false)).SelectMany(family => family.Addresses.Snapshot())];
        }
    }

    private string NameOf(string pool) => pool.Length == 0 ? _options.DefaultPool : pool;

    private NodePool PoolNamed(string name)
    {
        if (!_pools.TryGetValue(name, out var pool))
        {
            _pools.Add(name, pool = new NodePool(name, HasIPv4 ? NewFamily(name) : null, HasIPv6 ? NewFamily(name) : null));
        }

        return pool;
    }

    private NodePoolFamily NewFamily(string pool) => new(
        new AddressPool(_options.Addresses with { Pool = pool }, _time, _random is null ? Random.Shared : new Random(_random.Next())),
        _options.PreAllocate.GetValueOrDefault(pool),
        _options.PendingFor,
        _time);

    private IEnumerable<NodePoolFamily> Families(bool isIPv4) => _pools.Values.Select(pool => isIPv4 ? pool.IPv4 : pool.IPv6).OfType<NodePoolFamily>();

    // A retired CIDR of one pool may come back in another: who has the address is asked first.
    private NodePoolFamily? FamilyOf(IpAddr address) =>
        Families(address.IsIPv4).FirstOrDefault(family => family.Addresses.TryGet(address, out _))
        ?? Families(address.IsIPv4).FirstOrDefault(family => family.Addresses.Ranges.Any(range => range.Contains(address)));

    private sealed record NodePool(string Name, NodePoolFamily? IPv4, NodePoolFamily? IPv6)
    {
        public bool IsIdle => IPv4 is not { IsIdle: false } && IPv6 is not { IsIdle: false };
    }
}
