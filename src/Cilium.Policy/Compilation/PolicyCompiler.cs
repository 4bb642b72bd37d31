using Cilium.Core;

namespace Cilium.Policy;

/// <summary>Compiles one subject's policy from all rules and identities at once; <see cref="PolicyEngine"/> does the same by differences.</summary>
public static class PolicyCompiler
{
    /// <summary>Compiles a policy. The order of the rules does not matter.</summary>
    /// <param name="options">How rules become policies.</param>
    /// <param name="rules">All rules; those that do not select the subject are left out.</param>
    /// <param name="identities">All identities besides the reserved ones. Those of prefixes that the rules name must be among them.</param>
    /// <param name="subject">Whose policy.</param>
    /// <param name="remoteNamedPorts">The named ports of endpoints by their identity, for egress rules.</param>
    public static CompiledPolicy Compile(
        PolicyOptions options,
        IEnumerable<PolicyRule> rules,
        IEnumerable<KnownIdentity> identities,
        PolicySubject subject,
        IReadOnlyDictionary<Identity, EquatableArray<NamedPort>>? remoteNamedPorts = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(identities);
        var cache = new IdentityCache(options.Cluster);
        foreach (var identity in identities)
        {
            cache.Upsert(identity);
        }

        var plans = new PolicyPlans(new SelectorCache(options.Cluster, cache));
        foreach (var (identity, ports) in remoteNamedPorts ?? new Dictionary<Identity, EquatableArray<NamedPort>>())
        {
            plans.SetRemotePorts(identity, ports);
        }

        var state = new SubjectState(subject);
        var (ingress, egress, elements) = SubjectRules.Gather([.. rules.Where(state.IsSelectedBy)], subject, options);
        return plans.FindOrAdd(ingress, egress, elements.Select(element => element.Content), subject.NamedPorts, []).Policy;
    }
}
