using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>CIDRs that a node holds of a pool, of both families.</summary>
/// <param name="Pool">The name of the pool.</param>
/// <param name="Cidrs">The CIDRs, in the order in which they came.</param>
public sealed record PoolCidrs(string Pool, EquatableArray<Prefix> Cidrs);

/// <summary>How many addresses of a pool a node needs in all, those in use included.</summary>
/// <param name="Pool">The name of the pool.</param>
/// <param name="IPv4">Addresses of IPv4.</param>
/// <param name="IPv6">Addresses of IPv6.</param>
public sealed record PoolDemand(string Pool, int IPv4, int IPv6);
