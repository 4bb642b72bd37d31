using Cilium.Core;

namespace Cilium.Policy;

/// <summary>What a pod's identity is derived from.</summary>
public sealed record PodLabels
{
    /// <summary>The pod's namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>The pod's own labels.</summary>
    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>The labels of its namespace.</summary>
    public required IReadOnlyDictionary<string, string> NamespaceLabels { get; init; }

    /// <summary>The pod's service account; null or empty when none is set.</summary>
    public string? ServiceAccount { get; init; }

    /// <summary>The name of the cluster.</summary>
    public required string ClusterName { get; init; }

    /// <summary>The identity labels; <c>reserved:init</c> when nothing passes the filter.</summary>
    public LabelSet Derive(LabelFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        var labels = filter.Apply(AllLabels());
        return labels.Count == 0 ? LabelSet.Reserved("init") : labels;
    }

    private IEnumerable<Label> AllLabels()
    {
        // Later labels win: what a pod says of itself never beats what the cluster says.
        foreach (var (key, value) in Labels)
        {
            if (!key.StartsWith(K8sLabelKeys.OwnPrefix, StringComparison.Ordinal))
            {
                yield return new Label(Label.SourceK8s, key, value);
            }
        }

        foreach (var (key, value) in NamespaceLabels)
        {
            yield return new Label(Label.SourceK8s, K8sLabelKeys.NamespaceLabelPrefix + key, value);
        }

        yield return new Label(Label.SourceK8s, K8sLabelKeys.PodNamespace, Namespace);
        if (!string.IsNullOrEmpty(ServiceAccount))
        {
            yield return new Label(Label.SourceK8s, K8sLabelKeys.ServiceAccount, ServiceAccount);
        }

        yield return new Label(Label.SourceK8s, K8sLabelKeys.Cluster, ClusterName);
    }
}
