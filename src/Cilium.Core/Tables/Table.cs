using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Cilium.Core.Tables;

/// <summary>Rows by key, written in transactions of their <see cref="StateStore"/>, read as snapshots, watched as feeds.</summary>
/// <remarks>
/// The writable form: keep it inside the room that owns the table and publish <see cref="IReadTable{TKey, TRow}"/>.
/// Rows are compared with <c>Equals</c>, so that writing an equal row is no change: use records.
/// </remarks>
/// <typeparam name="TKey">The key, a value type by habit.</typeparam>
/// <typeparam name="TRow">The immutable row, a sealed record by habit.</typeparam>
public sealed class Table<TKey, TRow> : IReadTable<TKey, TRow>, ITableDraftSource
    where TKey : notnull
    where TRow : class
{
    private readonly Lock _feedsLock = new();
    private readonly List<ChangeFeed<TKey, TRow>> _feeds = [];
    private readonly HashSet<string> _pendingSources = [];
    private readonly HashSet<string> _completedSources = [];
    private readonly TaskCompletionSource _initialized = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TableSnapshot<TKey, TRow> _current = new(ImmutableDictionary<TKey, TRow>.Empty, 0);

    internal Table(StateStore store, string name, Func<TRow, TKey> keyOf)
    {
        Store = store;
        Name = name;
        KeyOf = keyOf;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>The store whose transactions write this table.</summary>
    public StateStore Store { get; }

    /// <summary>Takes the key out of a row.</summary>
    public Func<TRow, TKey> KeyOf { get; }

    /// <inheritdoc/>
    public long Revision => Volatile.Read(ref _current).Revision;

    /// <inheritdoc/>
    public int Count => Volatile.Read(ref _current).Count;

    /// <inheritdoc/>
    public bool IsInitialized
    {
        get
        {
            lock (_feedsLock)
            {
                return _pendingSources.Count == 0;
            }
        }
    }

    bool ITableDraftSource.IsQuiet
    {
        get
        {
            lock (_feedsLock)
            {
                return _feeds.TrueForAll(feed => feed.IsWaitedFor);
            }
        }
    }

    internal ImmutableDictionary<TKey, TRow> CurrentRows => Volatile.Read(ref _current).Rows;

    /// <inheritdoc/>
    public bool TryGet(TKey key, [NotNullWhen(true)] out TRow? row) => Volatile.Read(ref _current).TryGet(key, out row);

    /// <inheritdoc/>
    public TableSnapshot<TKey, TRow> Snapshot() => Volatile.Read(ref _current);

    /// <inheritdoc/>
    public ChangeFeed<TKey, TRow> Subscribe()
    {
        lock (_feedsLock)
        {
            var feed = new ChangeFeed<TKey, TRow>(this, Volatile.Read(ref _current));
            _feeds.Add(feed);
            return feed;
        }
    }

    /// <summary>Announces a source that will report an initial list; until it calls <see cref="CompleteInitializer"/> nothing is pruned.</summary>
    /// <exception cref="InvalidOperationException">The name was registered before, or the table is initialized already by all that had registered.</exception>
    public void RegisterInitializer(string source)
    {
        lock (_feedsLock)
        {
            // Who was told that the table is complete cannot be told that it is not.
            if (_initialized.Task.IsCompleted)
            {
                throw new InvalidOperationException($"table {Name}: initializer '{source}' is registered after the table was initialized");
            }

            if (_completedSources.Contains(source) || !_pendingSources.Add(source))
            {
                throw new InvalidOperationException($"table {Name}: initializer '{source}' is registered twice");
            }
        }
    }

    /// <summary>Says that the source's initial list has been written.</summary>
    /// <remarks>
    /// Without effect for a source that has said so before or that never registered: loops say it after each round, and a table that nobody registered
    /// with is initialized from the start.
    /// </remarks>
    public void CompleteInitializer(string source)
    {
        List<ChangeFeed<TKey, TRow>> feeds;
        lock (_feedsLock)
        {
            if (!_pendingSources.Remove(source))
            {
                return;
            }

            _completedSources.Add(source);
            if (_pendingSources.Count > 0)
            {
                return;
            }

            feeds = [.. _feeds];
            _initialized.TrySetResult();
        }

        foreach (var feed in feeds)
        {
            feed.Wake();
        }
    }

    /// <inheritdoc/>
    public Task WaitInitializedAsync(CancellationToken cancellationToken) =>
        IsInitialized ? Task.CompletedTask : _initialized.Task.WaitAsync(cancellationToken);

    internal void Unsubscribe(ChangeFeed<TKey, TRow> feed)
    {
        lock (_feedsLock)
        {
            _feeds.Remove(feed);
        }
    }

    internal void Publish(ImmutableDictionary<TKey, TRow> rows, long revision)
    {
        // A feed opened between publishing and announcing would hear of the change twice: once in its first snapshot. Feeds drop that.
        Volatile.Write(ref _current, new TableSnapshot<TKey, TRow>(rows, revision));
    }

    internal void Announce(List<TableChange<TKey, TRow>> changes)
    {
        lock (_feedsLock)
        {
            foreach (var feed in _feeds)
            {
                feed.Add(changes);
            }
        }
    }
}
