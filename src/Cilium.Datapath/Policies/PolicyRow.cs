using Cilium.Core;

namespace Cilium.Datapath;

/// <summary>Names a compiled policy whose content the datapath shares between endpoints; chosen by the control plane, unique per content lineage.</summary>
/// <param name="Value">An opaque number.</param>
public readonly record struct PolicyContentKey(long Value);

/// <summary>The desired content of one compiled policy.</summary>
/// <remarks>
/// The reconciler puts a new key into an unused inner map, complete, before any endpoint is switched to it. An update of the entries under the
/// same key is applied in place, so the control plane changes a row only by identities that come and go in existing rules; any other change takes a
/// new key.
/// </remarks>
public sealed record PolicyRow
{
    /// <summary>The key.</summary>
    public required PolicyContentKey Key { get; init; }

    /// <summary>True when ingress is enforced (default deny).</summary>
    public required bool IngressEnforced { get; init; }

    /// <summary>True when egress is enforced (default deny).</summary>
    public required bool EgressEnforced { get; init; }

    /// <summary>The entries, sorted by key, without duplicates.</summary>
    public required EquatableArray<PolicyEntry> Entries { get; init; }
}
