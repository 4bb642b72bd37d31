using Cilium.Core;

namespace Cilium.Policy;

/// <summary>What the datapath needs to decide on a subject's traffic.</summary>
/// <remarks>Exact under the evaluation described at <see cref="PolicyEntry"/>. A direction that is not enforced has no entries.</remarks>
/// <param name="IngressEnforced">True when ingress without an entry is dropped.</param>
/// <param name="EgressEnforced">True when egress without an entry is dropped.</param>
/// <param name="Entries">Sorted by key, without duplicates.</param>
public sealed record CompiledPolicy(bool IngressEnforced, bool EgressEnforced, EquatableArray<PolicyEntry> Entries)
{
    /// <summary>Nothing is enforced.</summary>
    public static CompiledPolicy Unenforced { get; } = new(false, false, default);
}
