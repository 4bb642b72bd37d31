namespace Cilium.Kubernetes.Policies;

/// <summary>Why a policy object cannot be enforced.</summary>
/// <param name="Path">The field, as <c>spec.ingress[0].toPorts[1].ports[0].port</c>.</param>
/// <param name="Message">What is wrong with it.</param>
/// <param name="IsUnsupported">True when the field is valid, but asks for a feature that does not exist yet.</param>
public sealed record PolicyIssue(string Path, string Message, bool IsUnsupported = false)
{
    /// <summary><c>path: message</c>.</summary>
    public override string ToString() => $"{Path}: {Message}";
}
