using Cilium.Core;

namespace Cilium.Simulation.Explaining;

/// <summary>Says who an identity is.</summary>
/// <param name="labelsOf">The labels of an identity, or null.</param>
internal sealed class IdentityNames(Func<Identity, LabelSet?> labelsOf)
{
    internal string Name(uint identity)
    {
        if (identity == 0)
            return "0 (unknown)";
        var labels = labelsOf(new Identity(identity));
        return labels is null ? $"{identity}" : $"{identity} ({string.Join(' ', labels.Select(label => label.ToString()).Where(IsTelling))})";
    }

    // What every pod of a cluster has tells nothing.
    private static bool IsTelling(string label) =>
        !label.StartsWith("k8s:io.cilium.k8s.policy.", StringComparison.Ordinal) && !label.StartsWith("k8s:io.cilium.k8s.namespace.labels.", StringComparison.Ordinal);
}
