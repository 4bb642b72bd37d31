using Cilium.Core;

namespace Cilium.Policy;

/// <summary>The namespaces that the selectors of a policy reach, and the requirements that say so.</summary>
/// <param name="Namespace">The namespace of the policy; null for a cluster-wide one.</param>
public readonly record struct SelectorScope(string? Namespace)
{
    /// <summary>The selector of the rule's subject, held to the policy's namespace.</summary>
    /// <param name="selector">The selector as written.</param>
    /// <param name="namespaceLabel">The value of <c>k8s:io.kubernetes.pod.namespace</c> among its labels, which is overwritten; null for none.</param>
    /// <param name="asksForAnother">True when another namespace is asked for. In any other way than by that label, this leaves nobody to select.</param>
    public LabelSelector ScopeSubject(LabelSelector selector, string? namespaceLabel, out bool asksForAnother)
    {
        ArgumentNullException.ThrowIfNull(selector);
        asksForAnother = false;
        if (Namespace is null)
        {
            return selector;
        }

        var own = LabelSet.Create([new Label(Label.SourceK8s, K8sLabelKeys.PodNamespace, Namespace)]);
        var kept = new List<LabelRequirement> { RequirementOf(Namespace) };
        asksForAnother = namespaceLabel is not null && namespaceLabel != Namespace;
        foreach (var requirement in selector.Requirements)
        {
            if (namespaceLabel is null || requirement != RequirementOf(namespaceLabel))
            {
                asksForAnother |= IsPodNamespace(requirement) && !requirement.Matches(own);
                kept.Add(requirement);
            }
        }

        return LabelSelector.Create(kept);
    }

    /// <summary>
    /// A peer's selector: held to the policy's namespace, or cluster-wide to what has a namespace, unless it names namespaces or reserved
    /// identities itself.
    /// </summary>
    /// <remarks>
    /// Labels of namespaces lift the own namespace only: cluster-wide, a selector by them is of pods still, since one that excludes a namespace
    /// would match nodes and the world too.
    /// </remarks>
    /// <param name="selector">The selector as written.</param>
    /// <param name="subject">The subject of the rule: a rule for endpoints without labels is not scoped when it is cluster-wide.</param>
    public LabelSelector ScopePeer(LabelSelector selector, LabelSelector subject)
    {
        ArgumentNullException.ThrowIfNull(selector);
        ArgumentNullException.ThrowIfNull(subject);
        foreach (var requirement in selector.Requirements)
        {
            if (requirement.Source == Label.SourceReserved || IsPodNamespace(requirement) || (Namespace is not null && IsNamespaceLabel(requirement)))
            {
                return selector;
            }
        }

        if (Namespace is not null)
        {
            return selector.And(RequirementOf(Namespace));
        }

        return SelectsInit(subject)
            ? selector
            : selector.And(new LabelRequirement(Label.SourceK8s, K8sLabelKeys.PodNamespace, SelectorOperator.Exists, default));
    }

    private static LabelRequirement RequirementOf(string value) => new(Label.SourceK8s, K8sLabelKeys.PodNamespace, SelectorOperator.In, [value]);

    private static bool SelectsInit(LabelSelector subject)
    {
        foreach (var requirement in subject.Requirements)
        {
            if (requirement is { Source: Label.SourceReserved, Key: "init" })
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsPodNamespace(LabelRequirement requirement) =>
        requirement.Source is Label.SourceK8s or Label.SourceAny && requirement.Key == K8sLabelKeys.PodNamespace;

    private static bool IsNamespaceLabel(LabelRequirement requirement) =>
        requirement.Source is Label.SourceK8s or Label.SourceAny
        && requirement.Key.StartsWith(K8sLabelKeys.NamespaceLabelPrefix, StringComparison.Ordinal);
}
