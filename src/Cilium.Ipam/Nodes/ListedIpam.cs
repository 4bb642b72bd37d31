using System.Diagnostics.CodeAnalysis;
using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>The addresses of one node from a list that somebody else keeps (modes <c>crd</c> and <c>eni</c>), with the handshake by which that one takes addresses back.</summary>
/// <remarks>
/// Who keeps the list marks an address for release; the node answers that it is ready for release, from when on it never gives that address, or that
/// it must not be released, since it is in use. An address that left the list while in use stays its owner's until it is freed. Thread-safe.
/// </remarks>
public sealed class ListedIpam : INodeIpam
{
    private readonly Lock _lock = new();
    private readonly Signal _changed = new();
    private readonly AddressPool? _ipv4;
    private readonly AddressPool? _ipv6;
    private readonly HashSet<IpAddr> _acknowledged = [];

    /// <summary>Makes an allocator without addresses.</summary>
    /// <param name="hasIPv4">True when IPv4 is enabled.</param>
    /// <param name="hasIPv6">True when IPv6 is enabled.</param>
    /// <param name="time">The clock of expiries.</param>
    public ListedIpam(bool hasIPv4, bool hasIPv6, TimeProvider? time = null)
    {
        var options = new AddressPoolOptions { ReserveFirstAndLast = false };
        time ??= TimeProvider.System;
        _ipv4 = hasIPv4 ? new AddressPool(options, time, Random.Shared) : null;
        _ipv6 = hasIPv6 ? new AddressPool(options, time, Random.Shared) : null;
    }

    /// <inheritdoc/>
    public bool HasIPv4 => _ipv4 is not null;

    /// <inheritdoc/>
    public bool HasIPv6 => _ipv6 is not null;

    /// <inheritdoc/>
    public bool IsReady => _ipv4 is not { Ranges.Count: 0 } && _ipv6 is not { Ranges.Count: 0 };

    /// <inheritdoc/>
    public IReadOnlyList<PoolUsage> Pools
    {
        get
        {
            lock (_lock)
            {
                return [.. new[] { _ipv4, _ipv6 }.OfType<AddressPool>().Select(pool => NodeIpam.UsageOf(pool, pool == _ipv4) with { Ranges = [] })];
            }
        }
    }

    /// <summary>Completes when what is in use may have changed since this was read.</summary>
    public Task WhenUsageChanges => _changed.Next;

    /// <summary>Takes over the list and the state of releases.</summary>
    /// <param name="addresses">The addresses that may be given.</param>
    /// <param name="releases">The state of each release that is under way: <see cref="ReleaseStates"/>.</param>
    /// <returns>The states to write, null for those to remove.</returns>
    public IReadOnlyDictionary<IpAddr, string?> SetAddresses(IReadOnlyCollection<IpAddr> addresses, IReadOnlyDictionary<IpAddr, string> releases)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        ArgumentNullException.ThrowIfNull(releases);
        var answers = new Dictionary<IpAddr, string?>();
        lock (_lock)
        {
            _acknowledged.Clear();
            foreach (var (address, state) in releases)
            {
                switch (state)
                {
                    case ReleaseStates.Marked:
                        var isFree = !TryGet(address, out _);
                        answers[address] = isFree ? ReleaseStates.Ready : ReleaseStates.Refused;
                        if (isFree)
                        {
                            _acknowledged.Add(address);
                        }

                        break;
                    case ReleaseStates.Ready:
                        _acknowledged.Add(address);
                        break;
                    case ReleaseStates.Released:
                        answers[address] = null;
                        break;
                    default:
                        // Refused: the answer stands until who asked withdraws the question.
                        break;
                }
            }

            var given = addresses.Where(address => !_acknowledged.Contains(address)).Distinct().Select(Prefix.Of).ToList();
            _ipv4?.SetRanges([.. given.Where(prefix => prefix.IsIPv4)]);
            _ipv6?.SetRanges([.. given.Where(prefix => !prefix.IsIPv4)]);
        }

        return answers;
    }

    /// <inheritdoc/>
    public NodeAddresses Allocate(AddressRequest request) => Changing(() => FamilyRequest.Ask(
        request,
        _ipv4 is null ? null : () => From(_ipv4, request.IPv4Pool, request),
        _ipv6 is null ? null : () => From(_ipv6, request.IPv6Pool, request),
        lease => PoolOf(lease.Address)?.Release(lease.Address)));

    /// <inheritdoc/>
    public AddressResult Allocate(IpAddr address, string owner, bool expires = false, string purpose = "") => Changing(() => PoolOf(address) is { } pool
        ? pool.Allocate(address, owner, expires, purpose)
        : new AddressResult(AllocationStatus.NoRange, null, $"the family of {address} is not enabled"));

    /// <inheritdoc/>
    public IReadOnlyList<AddressLease> Restore(IEnumerable<AddressLease> leases) => Changing(() => NodeIpam.Restore(leases, PoolOf));

    /// <inheritdoc/>
    public bool Commit(IpAddr address, Guid expirationId) => PoolOf(address)?.Commit(address, expirationId) ?? false;

    /// <inheritdoc/>
    public bool Release(IpAddr address) => Changing(() => PoolOf(address)?.Release(address) ?? false);

    /// <inheritdoc/>
    public bool Release(IpAddr address, string owner) => Changing(() => PoolOf(address)?.Release(address, owner) ?? false);

    /// <inheritdoc/>
    public bool TryGet(IpAddr address, [NotNullWhen(true)] out AddressLease? lease)
    {
        lease = null;
        return PoolOf(address)?.TryGet(address, out lease) ?? false;
    }

    /// <inheritdoc/>
    public IReadOnlyList<AddressLease> Snapshot()
    {
        lock (_lock)
        {
            return [.. _ipv4?.Snapshot() ?? [], .. _ipv6?.Snapshot() ?? []];
        }
    }

    // Who hears of a change before it happened looks too early, and is not told again.
    private T Changing<T>(Func<T> change)
    {
        lock (_lock)
        {
            try
            {
                return change();
            }
            finally
            {
                _changed.Raise();
            }
        }
    }

    private static AddressResult From(AddressPool pool, string wanted, AddressRequest request)
    {
        if (wanted.Length > 0 && wanted != pool.Name)
        {
            return new AddressResult(AllocationStatus.NoRange, null, $"there is no pool '{wanted}'");
        }

        // The list is long, and its ranges say nothing.
        var result = pool.Allocate(request.Owner, request.Expires, request.Purpose);
        return result.IsOk ? result : result with { Message = $"all {pool.Usage.Capacity} addresses in the list are in use" };
    }

    private AddressPool? PoolOf(IpAddr address) => address.IsIPv4 ? _ipv4 : _ipv6;
}

/// <summary>How far the release of an address has come; words are upstream's.</summary>
public static class ReleaseStates
{
    /// <summary>Who keeps the list wants it back.</summary>
    public const string Marked = "marked-for-release";

    /// <summary>The node never gives it again.</summary>
    public const string Ready = "ready-for-release";

    /// <summary>The node has it in use.</summary>
    public const string Refused = "do-not-release";

    /// <summary>It is off the list.</summary>
    public const string Released = "released";
}
