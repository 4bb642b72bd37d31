using Cilium.Core;

namespace Cilium.Policy;

/// <summary>A policy that is new, or changed in place.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Policy">The whole of it, now.</param>
/// <param name="InPlace">How to get there from its last state, by identities that came and went in the same rules; null when it is new.</param>
public sealed record PolicyContentChange(PolicyContentId Id, CompiledPolicy Policy, PolicyDifference? InPlace);

/// <summary>What a commit of <see cref="PolicyEngine"/> changed.</summary>
/// <remarks>
/// Carry it out in this order, each step complete before the next, and all before the next commit: contents; addresses of
/// <paramref name="CidrsAdded"/>; assignments; then, no longer in force, addresses of <paramref name="CidrsRemoved"/> and removed contents.
/// In this order every packet is judged by the policy that its endpoint had or by the one that it gets, whichever prefixes come and go: contents
/// know each identity before packets have it, and still when they had it last. The identities of <paramref name="CidrsRemoved"/> leave the
/// contents with the next commit, which is to follow at once when there are any.
/// </remarks>
/// <param name="Contents">Policies that are new or changed.</param>
/// <param name="Assignments">Subjects whose policy is another one now.</param>
/// <param name="RemovedContents">Policies that no subject has any more; those that endpoints had may be among <paramref name="Contents"/> a last time.</param>
/// <param name="CidrsAdded">Prefixes that rules began to name, with their local identities: rows that the ipcache must hold.</param>
/// <param name="CidrsRemoved">Prefixes that no rule names any more, with the identities they have until the next commit.</param>
public sealed record PolicyUpdate(
    IReadOnlyList<PolicyContentChange> Contents,
    IReadOnlyDictionary<PolicySubject, PolicyContentId> Assignments,
    IReadOnlyList<PolicyContentId> RemovedContents,
    IReadOnlyDictionary<Prefix, KnownIdentity> CidrsAdded,
    IReadOnlyDictionary<Prefix, KnownIdentity> CidrsRemoved);
