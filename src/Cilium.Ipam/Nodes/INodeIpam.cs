using System.Diagnostics.CodeAnalysis;
using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>The addresses of one node: what every mode of address management offers to whoever makes pods.</summary>
/// <remarks>Thread-safe. After a restart nothing is known: take back what is in use before anything else is given.</remarks>
public interface INodeIpam
{
    /// <summary>True when IPv4 is enabled.</summary>
    bool HasIPv4 { get; }

    /// <summary>True when IPv6 is enabled.</summary>
    bool HasIPv6 { get; }

    /// <summary>True when every enabled family has addresses to give in the default pool.</summary>
    bool IsReady { get; }

    /// <summary>The pools with what is in use of them, IPv4 first.</summary>
    IReadOnlyList<PoolUsage> Pools { get; }

    /// <summary>Gives one address of each wanted family, or nothing at all.</summary>
    NodeAddresses Allocate(AddressRequest request);

    /// <summary>Gives a certain address, from whatever pool has it; who has it already gets it again, committed.</summary>
    AddressResult Allocate(IpAddr address, string owner, bool expires = false, string purpose = "");

    /// <summary>Gives addresses to those who had them according to a snapshot, purposes and expiries included; call before anything else is given.</summary>
    /// <returns>The leases that could not be given: their address is taken, reserved or in no range of this node.</returns>
    IReadOnlyList<AddressLease> Restore(IEnumerable<AddressLease> leases);

    /// <summary>Ends the wait of an address for its commit; false when it waits no longer.</summary>
    bool Commit(IpAddr address, Guid expirationId);

    /// <summary>Frees an address; false when it was free.</summary>
    bool Release(IpAddr address);

    /// <summary>Frees an address if this owner has it; false otherwise.</summary>
    bool Release(IpAddr address, string owner);

    /// <summary>Finds who has an address.</summary>
    bool TryGet(IpAddr address, [NotNullWhen(true)] out AddressLease? lease);

    /// <summary>The addresses in use, IPv4 first, sorted within a pool.</summary>
    IReadOnlyList<AddressLease> Snapshot();
}

/// <summary>What can be done with any node's addresses.</summary>
public static class NodeIpamExtensions
{
    /// <summary>Frees whatever an owner has; the addresses that it had.</summary>
    public static IReadOnlyList<IpAddr> ReleaseAllOf(this INodeIpam ipam, string owner)
    {
        ArgumentNullException.ThrowIfNull(ipam);
        return [.. ipam.Snapshot().Where(lease => lease.Owner == owner && ipam.Release(lease.Address, owner)).Select(lease => lease.Address)];
    }

    /// <summary>Gives one address of each family from the default pool, or nothing at all.</summary>
    public static NodeAddresses Allocate(this INodeIpam ipam, string owner, bool wantsIPv4 = true, bool wantsIPv6 = true, bool expires = false)
    {
        ArgumentNullException.ThrowIfNull(ipam);
        return ipam.Allocate(new AddressRequest(owner) { WantsIPv4 = wantsIPv4, WantsIPv6 = wantsIPv6, Expires = expires });
    }
}
