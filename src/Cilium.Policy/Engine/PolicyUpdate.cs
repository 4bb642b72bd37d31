using Cilium.Core;

namespace Cilium.Policy;

/// <summary>A policy that is new, or changed in place.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Policy">The whole of it, now.</param>
/// <param name="InPlace">How to get there from its last state, by identities that came and went in the same rules; null when it is new.</param>
public sealed record PolicyContentChange(PolicyContentId Id, CompiledPolicy Policy, PolicyDifference? InPlace);

/// <summary>What a commit of <see cref="PolicyEngine"/> changed.</summary>
/// <remarks>
/// Carry it out in this order: addresses of <paramref name="CidrsAdded"/>, then contents, assignments, removed contents, and last the addresses
/// of <paramref name="CidrsRemoved"/>.
/// </remarks>
/// <param name="Contents">Policies that are new or changed.</param>
/// <param name="Assignments">Subjects whose policy is another one now.</param>
/// <param name="RemovedContents">Policies that no subject has any more.</param>
/// <param name="CidrsAdded">Prefixes that rules began to name, with their local identities: rows that the ipcache must hold.</param>
/// <param name="CidrsRemoved">Prefixes that no rule names any more, with the identities they had.</param>
public sealed record PolicyUpdate(
    IReadOnlyList<PolicyContentChange> Contents,
    IReadOnlyDictionary<PolicySubject, PolicyContentId> Assignments,
    IReadOnlyList<PolicyContentId> RemovedContents,
    IReadOnlyDictionary<Prefix, KnownIdentity> CidrsAdded,
    IReadOnlyDictionary<Prefix, KnownIdentity> CidrsRemoved);
