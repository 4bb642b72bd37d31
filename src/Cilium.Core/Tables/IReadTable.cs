using System.Diagnostics.CodeAnalysis;

namespace Cilium.Core.Tables;

/// <summary>The reading side of a table: snapshots, and feeds of changes. Thread-safe.</summary>
/// <typeparam name="TKey">The key.</typeparam>
/// <typeparam name="TRow">The immutable row.</typeparam>
public interface IReadTable<TKey, TRow>
    where TKey : notnull
    where TRow : class
{
    /// <summary>The table's name in logs and debug output.</summary>
    string Name { get; }

    /// <summary>The revision of the last write that changed this table.</summary>
    long Revision { get; }

    /// <summary>The number of rows.</summary>
    int Count { get; }

    /// <summary>True once every source that was registered has reported its initial list. Nothing may be pruned before.</summary>
    bool IsInitialized { get; }

    /// <summary>Finds a row.</summary>
    bool TryGet(TKey key, [NotNullWhen(true)] out TRow? row);

    /// <summary>All rows at one revision.</summary>
    TableSnapshot<TKey, TRow> Snapshot();

    /// <summary>Opens a feed that first tells every present row and then every change, merged per key.</summary>
    ChangeFeed<TKey, TRow> Subscribe();

    /// <summary>Completes when <see cref="IsInitialized"/> becomes true.</summary>
    Task WaitInitializedAsync(CancellationToken cancellationToken);
}
