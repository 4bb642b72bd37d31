using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;

namespace Cilium.Kubernetes;

/// <summary>Writes the condition <c>Valid</c> of CiliumNetworkPolicies and CiliumClusterwideNetworkPolicies.</summary>
/// <remarks>Thread-safe. Refusals of the server are <see cref="KubernetesException"/>.</remarks>
public sealed class PolicyStatusWriter
{
    private const string Valid = "Valid";
    private readonly KubernetesObjects _objects;

    /// <summary>Makes a writer over a connection.</summary>
    public PolicyStatusWriter(KubernetesConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _objects = new KubernetesObjects(connection);
    }

    /// <summary>Sets the condition; one that already says so is left alone, time included.</summary>
    /// <returns>False when the object is gone.</returns>
    /// <exception cref="ArgumentException">The kind has no conditions of ours.</exception>
    public Task<bool> SetValidAsync(PolicyObjectKey key, bool isValid, string reason, string message, CancellationToken cancellationToken)
    {
        if (key.Kind == PolicyObjectKind.NetworkPolicy)
        {
            throw new ArgumentException("a NetworkPolicy has no conditions", nameof(key));
        }

        var status = isValid ? "True" : "False";
        return _objects.ChangeAsync(
            Resource.Of(key.Kind),
            new NamespacedName(key.Namespace, key.Name),
            "status",
            WireJson.Default.PolicyStatusWire,
            present =>
            {
                var conditions = present.Status?.Conditions ?? [];
                var old = conditions.Find(condition => condition.Type == Valid);
                if (old is not null && old.Status == status && (old.Reason ?? "") == reason && (old.Message ?? "") == message)
                {
                    return null;
                }

                var condition = new ConditionWire
                {
                    Type = Valid,
                    Status = status,
                    Reason = reason.Length == 0 ? null : reason,
                    Message = message,
                    LastTransitionTime = old is not null && old.Status == status ? old.LastTransitionTime : _objects.Now(),
                };
                return new PolicyStatusWire
                {
                    Metadata = new MetaWire { ResourceVersion = present.Metadata?.ResourceVersion },
                    Status = new PolicyStatusBodyWire { Conditions = [.. conditions.Where(other => other.Type != Valid), condition] },
                };
            },
            cancellationToken);
    }
}
