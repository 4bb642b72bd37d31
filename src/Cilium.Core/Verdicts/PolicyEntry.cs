namespace Cilium.Core;

/// <summary>What happens to the traffic of a <see cref="PolicyKey"/>.</summary>
/// <param name="IsDeny">True to drop; deny beats allow.</param>
/// <param name="ProxyPort">Port of the proxy that must see the connection, host order; 0 for none.</param>
public readonly record struct PolicyVerdict(bool IsDeny, ushort ProxyPort)
{
    /// <summary>Allow without a proxy.</summary>
    public static PolicyVerdict Allow => default;

    /// <summary>Drop.</summary>
    public static PolicyVerdict Deny => new(true, 0);
}

/// <summary>One entry of a compiled policy.</summary>
/// <remarks>
/// Evaluation, which the compiler makes exact: take the longest match among the entries of the peer's identity (E1) and the longest among
/// those of the wildcard identity (E0); if either denies, drop; else if either exists, allow; else drop. Only where the direction is enforced.
/// </remarks>
public readonly record struct PolicyEntry(PolicyKey Key, PolicyVerdict Verdict);
