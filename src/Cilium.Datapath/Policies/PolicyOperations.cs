using Cilium.Bpf;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.Kernel;

namespace Cilium.Datapath.Policies;

/// <summary>Carries compiled policies to the array of policies.</summary>
internal sealed class PolicyOperations(PolicySlots slots) : IReconcilerOperations<PolicyContentKey, PolicyRow>
{
    /// <inheritdoc/>
    public ValueTask ApplyAsync(ReconcileBatch<PolicyContentKey, PolicyRow> batch, CancellationToken cancellationToken)
    {
        foreach (var change in batch.Changes)
        {
            try
            {
                if (change.Current is { } row)
                    slots.Apply(row);
                else
                    slots.Forget(change.Key);
            }
            catch (Exception refusal) when (refusal is MapFullException or KernelException)
            {
                batch.Fail(change.Key, refusal);
            }
        }
        if (slots.IsLow)
            slots.Refill();
        return ValueTask.CompletedTask;
    }

    /// <summary>Nothing to do here: indices of an earlier agent are freed by the endpoints' prune, which knows who uses them.</summary>
    public ValueTask PruneAsync(TableSnapshot<PolicyContentKey, PolicyRow> desired, CancellationToken cancellationToken) => ValueTask.CompletedTask;
}
