using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>Names of the owners that are not pods.</summary>
public static class AddressOwners
{
    /// <summary>The node's own address among its pods: the gateway on <c>cilium_host</c>.</summary>
    public const string Router = "router";

    /// <summary>The health endpoint.</summary>
    public const string Health = "health";

    /// <summary>The owner name of a pod.</summary>
    public static string Pod(string podNamespace, string podName) => $"{podNamespace}/{podName}";
}

/// <summary>The answer to a request for one address of each wanted family.</summary>
/// <param name="Status">How it ended; when one family fails, nothing is given.</param>
/// <param name="IPv4">The IPv4 address, when wanted.</param>
/// <param name="IPv6">The IPv6 address, when wanted.</param>
/// <param name="Message">What to tell the user when nothing was given; empty otherwise.</param>
public readonly record struct NodeAddresses(AllocationStatus Status, AddressLease? IPv4, AddressLease? IPv6, string Message)
{
    /// <summary>True when the addresses were given.</summary>
    public bool IsOk => Status == AllocationStatus.Ok;
}

/// <summary>The addresses of one node, of both families, from the CIDRs it was given (modes <c>kubernetes</c> and <c>cluster-pool</c>).</summary>
/// <remarks>Thread-safe.</remarks>
public sealed class NodeIpam
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

    /// <summary>True when every enabled family has a CIDR.</summary>
    public bool IsReady => IPv4 is not { Ranges.Count: 0 } && IPv6 is not { Ranges.Count: 0 };

    /// <summary>Sets the CIDRs of the node; those of a family that is off are left out. Addresses in use stay in use.</summary>
    /// <exception cref="ArgumentException">Two CIDRs overlap.</exception>
    public void SetPodCidrs(IReadOnlyCollection<Prefix> podCidrs)
    {
        IPv4?.SetRanges([.. podCidrs.Where(cidr => cidr.IsIPv4)]);
        IPv6?.SetRanges([.. podCidrs.Where(cidr => !cidr.IsIPv4)]);
    }

    /// <summary>Gives one address of each wanted family, or nothing at all.</summary>
    /// <param name="owner">Who asks.</param>
    /// <param name="wantsIPv4">False to leave IPv4 out; it is also left out when it is off.</param>
    /// <param name="wantsIPv6">False to leave IPv6 out; it is also left out when it is off.</param>
    /// <param name="expires">True when the addresses are to be free again unless they are committed in time.</param>
    public NodeAddresses Allocate(string owner, bool wantsIPv4 = true, bool wantsIPv6 = true, bool expires = false)
    {
        AddressLease? four = null;
        if (wantsIPv4 && IPv4 is not null)
        {
            var result = IPv4.Allocate(owner, expires);
            if (!result.IsOk)
            {
                return new NodeAddresses(result.Status, null, null, "IPv4: " + result.Message);
            }

            four = result.Lease;
        }

        if (wantsIPv6 && IPv6 is not null)
        {
            var result = IPv6.Allocate(owner, expires);
            if (!result.IsOk)
            {
                if (four is not null)
                {
                    IPv4!.Release(four.Address);
                }

                return new NodeAddresses(result.Status, null, null, "IPv6: " + result.Message);
            }

            return new NodeAddresses(AllocationStatus.Ok, four, result.Lease, "");
        }

        return four is null
            ? new NodeAddresses(AllocationStatus.NoRange, null, null, "no address family to allocate from")
            : new NodeAddresses(AllocationStatus.Ok, four, null, "");
    }

    /// <summary>Gives a certain address: one that a user chose, or that was in use before a restart.</summary>
    public AddressResult Allocate(IpAddr address, string owner, bool expires = false) =>
        PoolOf(address) is { } pool
            ? pool.Allocate(address, owner, expires)
            : new AddressResult(AllocationStatus.NoRange, null, $"the family of {address} is not enabled");

    /// <summary>Ends the wait of an address for its commit; false when it waits no longer.</summary>
    public bool Commit(IpAddr address, Guid expirationId) => PoolOf(address)?.Commit(address, expirationId) ?? false;

    /// <summary>Frees an address; false when it was free.</summary>
    public bool Release(IpAddr address) => PoolOf(address)?.Release(address) ?? false;

    /// <summary>Frees whatever an owner has; the addresses that it had.</summary>
    public IReadOnlyList<IpAddr> ReleaseAllOf(string owner) =>
        [.. Snapshot().Where(lease => lease.Owner == owner && PoolOf(lease.Address)!.Release(lease.Address, owner)).Select(lease => lease.Address)];

    /// <summary>The addresses in use, IPv4 first, sorted.</summary>
    public IReadOnlyList<AddressLease> Snapshot() => [.. IPv4?.Snapshot() ?? [], .. IPv6?.Snapshot() ?? []];

    private AddressPool? PoolOf(IpAddr address) => address.IsIPv4 ? IPv4 : IPv6;
}
