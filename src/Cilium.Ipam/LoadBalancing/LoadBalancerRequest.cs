using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>A service that wants addresses of load balancer pools.</summary>
public sealed record LoadBalancerRequest
{
    /// <summary>The namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>When it was created: older services come first.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>What pools' selectors see.</summary>
    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>True when it wants an IPv4 address.</summary>
    public bool WantsIPv4 { get; init; } = true;

    /// <summary>True when it wants an IPv6 address.</summary>
    public bool WantsIPv6 { get; init; }

    /// <summary>True when one family will do if the other has no address.</summary>
    public bool IsPartialFine { get; init; }

    /// <summary>The addresses that the user chose; empty for any.</summary>
    public EquatableArray<IpAddr> Requested { get; init; }

    /// <summary>The addresses that it has.</summary>
    public EquatableArray<IpAddr> Current { get; init; }

    /// <summary>The ports.</summary>
    public EquatableArray<(L4Protocol Protocol, ushort Port)> Ports { get; init; }

    /// <summary>Services with the same key may share an address; empty to share with none.</summary>
    public string SharingKey { get; init; } = "";

    /// <summary>Other namespaces with whose services it shares; <c>*</c> for all.</summary>
    public EquatableArray<string> SharingNamespaces { get; init; }

    /// <summary>True for <c>externalTrafficPolicy: Local</c>.</summary>
    public bool IsExternalTrafficLocal { get; init; }

    /// <summary>The pods behind it, as text that is equal for equal selectors.</summary>
    public string Backends { get; init; } = "";

    /// <summary>True when both can have the same address: same key, allowed namespaces, different ports, equal traffic policy.</summary>
    public bool CanShareWith(LoadBalancerRequest other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return SharingKey.Length > 0 && SharingKey == other.SharingKey
            && (Namespace == other.Namespace || (Allows(other.Namespace) && other.Allows(Namespace)))
            && IsExternalTrafficLocal == other.IsExternalTrafficLocal
            && (!IsExternalTrafficLocal || Backends == other.Backends)
            && !Ports.Any(other.Ports.Contains);
    }

    private bool Allows(string inNamespace) => SharingNamespaces.Contains("*") || SharingNamespaces.Contains(inNamespace);
}

/// <summary>What a service gets.</summary>
/// <param name="Addresses">Its addresses, IPv4 first.</param>
/// <param name="Reason"><see cref="LoadBalancerReasons"/>.</param>
/// <param name="Message">What to tell the user; empty when satisfied.</param>
public sealed record LoadBalancerAnswer(EquatableArray<IpAddr> Addresses, string Reason, string Message)
{
    /// <summary>True when the service has what it wants.</summary>
    public bool IsSatisfied => Reason == LoadBalancerReasons.Satisfied;
}

/// <summary>Why a service has its addresses or lacks them; words are upstream's.</summary>
public static class LoadBalancerReasons
{
    /// <summary>It has what it wants.</summary>
    public const string Satisfied = "satisfied";

    /// <summary>No enabled pool is for it.</summary>
    public const string NoPool = "no_pool";

    /// <summary>The pool of a requested address is not for it.</summary>
    public const string PoolSelectorMismatch = "pool_selector_mismatch";

    /// <summary>Its pools are exhausted.</summary>
    public const string OutOfIPs = "out_of_ips";

    /// <summary>A requested address is another service's.</summary>
    public const string AlreadyAllocated = "already_allocated";

    /// <summary>A requested address is shared, but not with this service.</summary>
    public const string AlreadyAllocatedIncompatible = "already_allocated_incompatible_service";
}

/// <summary>What is told of a pool.</summary>
/// <param name="Name">The pool.</param>
/// <param name="Total">Addresses in all.</param>
/// <param name="Used">Addresses that services have.</param>
/// <param name="Conflict">With what it overlaps; empty when with nothing.</param>
public sealed record LoadBalancerPoolState(string Name, UInt128 Total, UInt128 Used, string Conflict)
{
    /// <summary>Addresses left.</summary>
    public UInt128 Available => Total - Used;
}
