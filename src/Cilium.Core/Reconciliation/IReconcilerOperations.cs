using Cilium.Core.Tables;

namespace Cilium.Core.Reconciliation;

/// <summary>What a reconciler can do to reality. All verbs are idempotent; deleting the absent is success.</summary>
/// <remarks>The loop owns retry, backoff, refresh and status; the verbs only do, and report per key.</remarks>
/// <typeparam name="TKey">The key of the desired table.</typeparam>
/// <typeparam name="TRow">The desired row.</typeparam>
public interface IReconcilerOperations<TKey, TRow>
    where TKey : notnull
    where TRow : class
{
    /// <summary>
    /// Makes reality match these rows and forgets those that are deleted. An exception fails the whole batch, <see cref="ReconcileBatch{TKey, TRow}.Fail"/> one key.
    /// </summary>
    ValueTask ApplyAsync(ReconcileBatch<TKey, TRow> batch, CancellationToken cancellationToken);

    /// <summary>Compares the whole desired set with a dump of reality and removes what nobody desires. Called once all sources have reported, and then periodically.</summary>
    ValueTask PruneAsync(TableSnapshot<TKey, TRow> desired, CancellationToken cancellationToken);
}
