using System.Diagnostics.CodeAnalysis;
using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>The addresses of one node, of both families, from the CIDRs it was given (modes <c>kubernetes</c> and <c>cluster-pool</c>).</summary>
/// <remarks>Thread-safe.</remarks>
public sealed class NodeIpam : INodeIpam
{
    /// <summary>Makes an allocator without CIDRs: every request is refused until <see cref="SetPodCidrs"/>.</summary>
    /// <param name="hasIPv4">True when IPv4 is enabled.</param>
    /// <param name="hasIPv6">True when IPv6 is enabled.</param>
    /// <param name="options">How the pools behave.</param>
    /// <param name="time">The clock of expiries.</param>
    /// <param name="random">Where searches start.</param>
    public NodeIpam(bool hasIPv4, bool hasIPv6, AddressPoolOptions? options = null, TimeProvider? time = null, Random? random = null)
    {
        options ??= new AddressPoolOptions();
        time ??= TimeProvider.System;
        // Each pool locks for itself, and a seeded source serves one thread at a time.
        IPv4 = hasIPv4 ? new AddressPool(options, time, random is null ? Random.Shared : new Random(random.Next())) : null;
        IPv6 = hasIPv6 ? new AddressPool(options, time, random is null ? Random.Shared : new Random(random.Next())) : null;
    }

    /// <summary>The pool of IPv4 addresses; null when the family is off.</summary>
    public AddressPool? IPv4 { get; }

    /// <summary>The pool of IPv6 addresses; null when the family is off.</summary>
    public AddressPool? IPv6 { get; }

    /// <inheritdoc/>
    public bool HasIPv4 => IPv4 is not null;

    /// <inheritdoc/>
    public bool HasIPv6 => IPv6 is not null;

    /// <inheritdoc/>
    public bool IsReady => IPv4 is not { Ranges.Count: 0 } && IPv6 is not { Ranges.Count: 0 };

    /// <inheritdoc/>
    public IReadOnlyList<PoolUsage> Pools => [.. new[] { IPv4, IPv6 }.OfType<AddressPool>().Select(pool => UsageOf(pool, pool == IPv4))];

    /// <summary>Sets the CIDRs of the node; those of a family that is off are left out. Addresses in use stay in use.</summary>
    /// <exception cref="ArgumentException">Two CIDRs overlap.</exception>
    public void SetPodCidrs(IReadOnlyCollection<Prefix> podCidrs)
    {
        IPv4?.SetRanges([.. podCidrs.Where(cidr => cidr.IsIPv4)]);
        IPv6?.SetRanges([.. podCidrs.Where(cidr => !cidr.IsIPv4)]);
    }

    /// <inheritdoc/>
    /// <remarks>There is one pool: a request for another is refused.</remarks>
    public NodeAddresses Allocate(AddressRequest request) => FamilyRequest.Ask(
        request,
        IPv4 is null ? null : () => From(IPv4, request.IPv4Pool, request),
        IPv6 is null ? null : () => From(IPv6, request.IPv6Pool, request),
        lease => PoolOf(lease.Address)?.Release(lease.Address));

    /// <inheritdoc/>
    public AddressResult Allocate(IpAddr address, string owner, bool expires = false, string purpose = "") =>
        PoolOf(address) is { } pool
            ? pool.Allocate(address, owner, expires, purpose)
            : new AddressResult(AllocationStatus.NoRange, null, $"the family of {address} is not enabled");

    /// <inheritdoc/>
    public IReadOnlyList<AddressLease> Restore(IEnumerable<AddressLease> leases) => Restore(leases, PoolOf);

    /// <inheritdoc/>
    public bool Commit(IpAddr address, Guid expirationId) => PoolOf(address)?.Commit(address, expirationId) ?? false;

    /// <inheritdoc/>
    public bool Release(IpAddr address) => PoolOf(address)?.Release(address) ?? false;

    /// <inheritdoc/>
    public bool Release(IpAddr address, string owner) => PoolOf(address)?.Release(address, owner) ?? false;

    /// <inheritdoc/>
    public bool TryGet(IpAddr address, [NotNullWhen(true)] out AddressLease? lease)
    {
        lease = null;
        return PoolOf(address)?.TryGet(address, out lease) ?? false;
    }

    /// <inheritdoc/>
    public IReadOnlyList<AddressLease> Snapshot() => [.. IPv4?.Snapshot() ?? [], .. IPv6?.Snapshot() ?? []];

    /// <summary>Restores each lease in the pool that its address is of. Returns those that could not be restored.</summary>
    internal static IReadOnlyList<AddressLease> Restore(IEnumerable<AddressLease> leases, Func<IpAddr, AddressPool?> poolOf)
    {
        ArgumentNullException.ThrowIfNull(leases);
        var refused = new List<AddressLease>();
        foreach (var lease in leases)
        {
            if (poolOf(lease.Address) is not { } pool || pool.Restore([lease]).Count > 0)
            {
                refused.Add(lease);
            }
        }

        return refused;
    }

    internal static PoolUsage UsageOf(AddressPool pool, bool isIPv4)
    {
        var (used, capacity) = pool.Usage;
        return new PoolUsage(pool.Name, isIPv4, pool.Ranges, used, capacity);
    }

    private static AddressResult From(AddressPool pool, string wanted, AddressRequest request) =>
        wanted.Length == 0 || wanted == pool.Name
            ? pool.Allocate(request.Owner, request.Expires, request.Purpose)
            : new AddressResult(AllocationStatus.NoRange, null, $"there is no pool '{wanted}'");

    private AddressPool? PoolOf(IpAddr address) => address.IsIPv4 ? IPv4 : IPv6;
}
