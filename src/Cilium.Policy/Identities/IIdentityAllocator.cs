using Cilium.Core;

namespace Cilium.Policy;

/// <summary>Finds or makes the cluster-wide identity of a set of labels.</summary>
/// <remarks>A seam: the store of identities (the API server) implements it. Safe with many agents asking for the same labels at once.</remarks>
public interface IIdentityAllocator
{
    /// <summary>The identity of the labels; all agents of the cluster get the same.</summary>
    /// <exception cref="OperationCanceledException">Cancelled while waiting for the store.</exception>
    ValueTask<Identity> AllocateAsync(LabelSet labels, CancellationToken cancellationToken);

    /// <summary>Says that this node uses the identity no longer; the store may collect it when nobody does.</summary>
    ValueTask ReleaseAsync(Identity identity, CancellationToken cancellationToken);
}
