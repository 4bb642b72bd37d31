using Cilium.Simulation.Manifests;

namespace Cilium.Hosts.Cli.Policies;

/// <summary>What the manifests hold that an answer does not take into account, or that their author may not expect.</summary>
internal sealed class ExplainIssues(ManifestReader reader)
{
    /// <summary>Policies that are not enforced, with the reasons.</summary>
    public IReadOnlyList<string> NotEnforced { get; } =
        [.. reader.PolicyIssues.Where(issue => !issue.Policy.IsValid).Select(issue => $"{issue.File}: {issue.Policy.Origin}: {string.Join("; ", issue.Policy.Errors)}")];

    /// <summary>What authors of policies may not expect, and objects that say nothing of networking.</summary>
    public IReadOnlyList<string> Warnings { get; } =
    [
        .. reader.PolicyIssues.Where(issue => issue.Policy.IsValid).Select(issue => $"{issue.File}: {issue.Policy.Origin}: {string.Join("; ", issue.Policy.Warnings)}"),
        .. reader.PassedOver.Select(kind => $"{kind.Value} object{(kind.Value == 1 ? "" : "s")} of kind {kind.Key} passed over"),
    ];
}
