using Cilium.Core;
using Cilium.Policy;

namespace Cilium.Kubernetes.Policies;

/// <summary>A policy object read into rules, or the reasons why it cannot be: never a part of it.</summary>
public sealed record DecodedPolicy
{
    /// <summary>The object: its kind, namespace, name and uid.</summary>
    public required PolicyOrigin Origin { get; init; }

    /// <summary>The rules; none when there are errors.</summary>
    public required EquatableArray<PolicyRule> Rules { get; init; }

    /// <summary>What is wrong or not supported; of a policy with errors, nothing is enforced.</summary>
    public required EquatableArray<PolicyIssue> Errors { get; init; }

    /// <summary>What the author may not expect, though it is valid.</summary>
    public required EquatableArray<PolicyIssue> Warnings { get; init; }

    /// <summary>True when the rules can be enforced: the status of the condition <c>Valid</c>.</summary>
    public bool IsValid => Errors.Count == 0;

    /// <summary>The message of the condition <c>Valid</c>.</summary>
    public string Message => IsValid
        ? string.Join("; ", ["Policy validation succeeded", .. Warnings.Select(warning => warning.ToString())])
        : string.Join("; ", Errors);
}
