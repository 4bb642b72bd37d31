namespace Cilium.Core.Tables;

/// <summary>One reader's queue of the changes of a table: bounded by the number of keys, since changes of a key are merged.</summary>
/// <remarks>One consumer. The first drain yields every row present at subscription.</remarks>
/// <typeparam name="TKey">The key.</typeparam>
/// <typeparam name="TRow">The row.</typeparam>
public sealed class ChangeFeed<TKey, TRow> : IDisposable
    where TKey : notnull
    where TRow : class
{
    private readonly Lock _lock = new();
    private readonly Table<TKey, TRow> _table;
    private readonly long _openedAt;
    private Dictionary<TKey, TableChange<TKey, TRow>> _pending = [];
    private TableSnapshot<TKey, TRow>? _first;
    private TaskCompletionSource? _waiter;
    private Task? _wait;
    private CancellationToken _waitToken;
    private bool _woken;
    private long _revision;

    internal ChangeFeed(Table<TKey, TRow> table, TableSnapshot<TKey, TRow> snapshot)
    {
        _table = table;
        _openedAt = snapshot.Revision;
        _revision = snapshot.Revision;
        _first = snapshot.Count > 0 ? snapshot : null;
    }

    /// <summary>The revision up to which the last <see cref="Drain"/> told everything.</summary>
    public long DrainedRevision { get; private set; }

    /// <summary>True when the reader looks only when it is asked and never waits, so that changes it has not taken are no work left to do.</summary>
    public bool IsPulled { get; set; }

    /// <summary>Takes all changes since the last drain, in no order; empty when there are none.</summary>
    /// <remarks>A row that appeared and vanished in between is not told.</remarks>
    public IReadOnlyList<TableChange<TKey, TRow>> Drain()
    {
        lock (_lock)
        {
            DrainedRevision = _revision;
            _woken = false;
            if (_pending.Count == 0 && _first is null)
            {
                return [];
            }

            var drained = new List<TableChange<TKey, TRow>>(_pending.Count + (_first?.Count ?? 0));
            if (_first is { } first)
            {
                // Every row is new to the reader. What has changed since the subscription is told as it is now, and what is gone, not at all.
                _first = null;
                foreach (var (key, row) in first.Rows)
                {
                    if (!_pending.Remove(key, out var later))
                    {
                        drained.Add(new TableChange<TKey, TRow>(key, null, row, first.Revision));
                    }
                    else if (later.Current is not null)
                    {
                        drained.Add(later with { Previous = null });
                    }
                }
            }

            foreach (var change in _pending.Values)
            {
                if (!Equals(change.Previous, change.Current))
                {
                    drained.Add(change);
                }
            }

            // What follows the first drains is small, and a large table would be kept for good.
            if (_pending.Count > 256)
            {
                _pending = [];
            }
            else
            {
                _pending.Clear();
            }

            return drained;
        }
    }

    /// <summary>Completes when there is something to drain, or the table became initialized.</summary>
    /// <remarks>
    /// Waiting again with the same token, before anything came, is the same wait: a reader that a timer wakes leaves nothing behind on a table that rests.
    /// </remarks>
    public Task WaitAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_pending.Count > 0 || _first is not null || _woken)
            {
                return Task.CompletedTask;
            }

            if (_waiter is null || _wait is null || _waitToken != cancellationToken)
            {
                _waiter ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _wait = _waiter.Task.WaitAsync(cancellationToken);
                _waitToken = cancellationToken;
            }

            return _wait;
        }
    }

    /// <summary>Whether everything was told, and the reader waits for more; always, if it never waits.</summary>
    internal bool IsWaitedFor
    {
        get
        {
            lock (_lock)
            {
                return IsPulled || _waiter is not null;
            }
        }
    }

    /// <summary>Stops the feed.</summary>
    public void Dispose() => _table.Unsubscribe(this);

    internal void Add(List<TableChange<TKey, TRow>> changes)
    {
        TaskCompletionSource? waiter;
        lock (_lock)
        {
            foreach (var change in changes)
            {
                if (change.Revision <= _openedAt)
                {
                    continue;
                }

                _revision = change.Revision;
                _pending[change.Key] = _pending.TryGetValue(change.Key, out var earlier)
                    ? change with { Previous = earlier.Previous }
                    : change;
            }

            waiter = _waiter;
            _waiter = null;
        }

        waiter?.TrySetResult();
    }

    internal void Wake()
    {
        TaskCompletionSource? waiter;
        lock (_lock)
        {
            _woken = true;
            waiter = _waiter;
            _waiter = null;
        }

        waiter?.TrySetResult();
    }
}
