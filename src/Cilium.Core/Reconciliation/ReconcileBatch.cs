using Cilium.Core.Tables;

namespace Cilium.Core.Reconciliation;

/// <summary>Changes to carry out together, and the failures among them.</summary>
/// <typeparam name="TKey">The key.</typeparam>
/// <typeparam name="TRow">The row.</typeparam>
public sealed class ReconcileBatch<TKey, TRow>(IReadOnlyList<TableChange<TKey, TRow>> changes)
    where TKey : notnull
    where TRow : class
{
    private Dictionary<TKey, Exception>? _failures;

    /// <summary>The changes. <c>Previous</c> is the row last handed out by the feed, not proof of what reality holds.</summary>
    public IReadOnlyList<TableChange<TKey, TRow>> Changes { get; } = changes;

    /// <summary>The keys that failed.</summary>
    public IReadOnlyDictionary<TKey, Exception> Failures => _failures ??= [];

    /// <summary>Reports that one key could not be carried out; it is retried with backoff.</summary>
    public void Fail(TKey key, Exception reason) => (_failures ??= [])[key] = reason;
}
