using System.Collections.Concurrent;
using Cilium.Core.Tables;
using Microsoft.Extensions.Logging;

namespace Cilium.Core.Reconciliation;

/// <summary>The loop that carries a desired table to reality: batches, retries with backoff, prunes, and knows the status of every row.</summary>
/// <remarks>
/// Run it with <see cref="RunAsync"/>, once. Status and waiting are thread-safe. The status is kept beside the desired table, not in it, because a
/// table has one writer. A result is recorded with the revision that was attempted, so that a row changed meanwhile stays pending.
/// </remarks>
/// <typeparam name="TKey">The key.</typeparam>
/// <typeparam name="TRow">The desired row.</typeparam>
public sealed partial class Reconciler<TKey, TRow>
    where TKey : notnull
    where TRow : class
{
    private readonly IReadTable<TKey, TRow> _table;
    private readonly IReconcilerOperations<TKey, TRow> _operations;
    private readonly ReconcilerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<TKey, ReconcileStatus> _status = new();
    private readonly Dictionary<TKey, (TableChange<TKey, TRow> Change, DateTimeOffset Due, int Attempts)> _retries = [];
    private readonly ConcurrentQueue<TKey> _repeats = new();
    private ChangeFeed<TKey, TRow>? _feed;
    private readonly Lock _progressLock = new();
    private TaskCompletionSource _progress = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _attemptedRevision = -1;
    private volatile bool _hasPruned;
    private volatile int _errorCount;

    /// <summary>Makes a reconciler; nothing happens before <see cref="RunAsync"/>.</summary>
    public Reconciler(
        IReadTable<TKey, TRow> table,
        IReconcilerOperations<TKey, TRow> operations,
        ReconcilerOptions options,
        TimeProvider time,
        ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _table = table;
        _operations = operations;
        _options = options;
        _time = time;
        _logger = logger;
    }

    /// <summary>The name of the desired table.</summary>
    public string Name => _table.Name;

    /// <summary>Rows whose last attempt failed.</summary>
    public int ErrorCount => _errorCount;

    /// <summary>True once reality was compared with the whole desired set.</summary>
    public bool HasPruned => _hasPruned;

    /// <summary>The status of a row, or null when the key was never attempted, is deleted, or was carried out and that is not kept.</summary>
    public ReconcileStatus? StatusOf(TKey key) => _status.GetValueOrDefault(key);

    /// <summary>All rows in error with their status.</summary>
    public IReadOnlyList<KeyValuePair<TKey, ReconcileStatus>> Errors() =>
        [.. _status.Where(pair => pair.Value.State == ReconcileState.Error)];

    /// <summary>Carries a row out again that has not changed, because somebody else has undone it. Without effect when no such row is desired.</summary>
    public void Repeat(TKey key)
    {
        _repeats.Enqueue(key);
        Volatile.Read(ref _feed)?.Wake();
    }

    /// <summary>Waits until everything written up to a revision was attempted and none of it is waiting for a retry.</summary>
    public Task WaitUntilReconciledAsync(long revision, CancellationToken cancellationToken) => WaitAsync(revision, mayFail: false, cancellationToken);

    /// <summary>Waits until everything written up to a revision was attempted once, whatever came of it.</summary>
    public Task WaitUntilAttemptedAsync(long revision, CancellationToken cancellationToken) => WaitAsync(revision, mayFail: true, cancellationToken);

    private async Task WaitAsync(long revision, bool mayFail, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task progress;
            lock (_progressLock)
            {
                progress = _progress.Task;
            }

            if (Volatile.Read(ref _attemptedRevision) >= Math.Min(revision, _table.Revision) && (mayFail || ErrorCount == 0))
            {
                return;
            }

            await progress.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Waits until a row, as it was at a revision or later, was attempted; the status says how it ended.</summary>
    /// <remarks>
    /// The revision may be one of a write that left the row as it was. A row that the table does not have is waited for until it is written, since it
    /// may follow from what was written at the revision; for a deletion there is <see cref="WaitUntilReconciledAsync"/>.
    /// </remarks>
    /// <exception cref="InvalidOperationException">The status of rows is not kept.</exception>
    public async Task<ReconcileStatus> WaitForRowAsync(TKey key, long revision, CancellationToken cancellationToken)
    {
        if (!_options.KeepsDone)
        {
            throw new InvalidOperationException($"rows of {Name} cannot be waited for: their status is not kept");
        }

        while (true)
        {
            Task progress;
            lock (_progressLock)
            {
                progress = _progress.Task;
            }

            // Read before the status, which is written first.
            var isAttempted = Volatile.Read(ref _attemptedRevision) >= Math.Min(revision, _table.Revision);
            if (_status.TryGetValue(key, out var status) && (isAttempted || status.Revision >= revision))
            {
                return status;
            }

            await progress.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var feed = _table.Subscribe();
        Volatile.Write(ref _feed, feed);
        var nextPrune = DateTimeOffset.MinValue;
        var failedPrunes = 0;
        while (true)
        {
            // 1. Everything new, and what is due again.
            var changes = feed.Drain();
            var due = TakeDue(changes);
            for (var offset = 0; offset < due.Count; offset += _options.MaximumBatch)
            {
                var slice = due.GetRange(offset, Math.Min(_options.MaximumBatch, due.Count - offset));
                await ApplyAsync(slice, cancellationToken).ConfigureAwait(false);
            }

            // 2. Prune once every source has reported, and then now and again.
            var now = _time.GetUtcNow();
            if (_table.IsInitialized && now >= nextPrune && (!_hasPruned || _options.PruneInterval > TimeSpan.Zero))
            {
                failedPrunes = await PruneAsync(cancellationToken).ConfigureAwait(false) ? 0 : failedPrunes + 1;
                nextPrune = now + WaitForPrune(failedPrunes);
            }

            // 3. Tell those who wait, then sleep until a change, a retry or the next prune. What failed waits for its retry.
            _errorCount = _retries.Count;
            Volatile.Write(ref _attemptedRevision, feed.DrainedRevision);
            SignalProgress();
            await SleepAsync(feed, nextPrune, cancellationToken).ConfigureAwait(false);
        }
    }

    private List<TableChange<TKey, TRow>> TakeDue(IReadOnlyList<TableChange<TKey, TRow>> changes)
    {
        var due = new List<TableChange<TKey, TRow>>(changes.Count);
        foreach (var change in changes)
        {
            // A newer change of the key replaces its retry but keeps what reality may still hold.
            if (_retries.Remove(change.Key, out var retry))
            {
                due.Add(change with { Previous = change.Previous ?? retry.Change.Previous });
            }
            else
            {
                due.Add(change);
            }
        }

        var now = _time.GetUtcNow();
        foreach (var (key, retry) in _retries)
        {
            if (retry.Due <= now)
            {
                due.Add(retry.Change);
            }
        }

        AddRepeats(due);
        return due;
    }

    private void AddRepeats(List<TableChange<TKey, TRow>> due)
    {
        if (_repeats.IsEmpty)
        {
            return;
        }

        var known = due.Select(change => change.Key).Concat(_retries.Keys).ToHashSet();
        while (_repeats.TryDequeue(out var key))
        {
            if (_table.TryGet(key, out var row) && known.Add(key))
            {
                due.Add(new TableChange<TKey, TRow>(key, row, row, _table.Revision));
            }
        }
    }

    private async ValueTask ApplyAsync(List<TableChange<TKey, TRow>> changes, CancellationToken cancellationToken)
    {
        var batch = new ReconcileBatch<TKey, TRow>(changes);
        Exception? whole = null;
        try
        {
            await _operations.ApplyAsync(batch, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception exception)
        {
            // The one place where the kernel's or the API server's "no" becomes a row's status.
            whole = exception;
        }

        var now = _time.GetUtcNow();
        ReconcileStatus? done = null;
        foreach (var change in changes)
        {
            var failure = whole ?? (batch.Failures.Count > 0 ? batch.Failures.GetValueOrDefault(change.Key) : null);
            if (failure is null)
            {
                _retries.Remove(change.Key);
                if (change.IsDelete || !_options.KeepsDone)
                {
                    _status.TryRemove(change.Key, out _);
                }
                else
                {
                    // Rows of one write share their status: a table may have tens of thousands.
                    if (done is null || done.Revision != change.Revision)
                    {
                        done = new ReconcileStatus(ReconcileState.Done, change.Revision, "", now, 0);
                    }

                    _status[change.Key] = done;
                }

                continue;
            }

            var attempts = (_retries.TryGetValue(change.Key, out var earlier) ? earlier.Attempts : 0) + 1;
            _retries[change.Key] = (change, now + Backoff(attempts, _options.RetryMaximum), attempts);
            _status[change.Key] = new ReconcileStatus(ReconcileState.Error, change.Revision, failure.Message, now, attempts);
            LogFailed(_logger, Name, change.Key.ToString() ?? "", attempts, failure.Message);
        }
    }

    private TimeSpan Backoff(int attempts, TimeSpan maximum) =>
        TimeSpan.FromTicks(Math.Min(maximum.Ticks, _options.RetryMinimum.Ticks << Math.Min(attempts - 1, 20)));

    // A prune reads all of reality: one that is always refused is in the end tried no more often than one that succeeds.
    private TimeSpan WaitForPrune(int failures) => failures == 0
        ? _options.PruneInterval
        : Backoff(failures, _options.PruneInterval > TimeSpan.Zero ? _options.PruneInterval : _options.RetryMaximum);

    private async ValueTask<bool> PruneAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _operations.PruneAsync(_table.Snapshot(), cancellationToken).ConfigureAwait(false);
            _hasPruned = true;
            return true;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception exception)
        {
            LogPruneFailed(_logger, Name, exception.Message);
            return false;
        }
    }

    private async Task SleepAsync(ChangeFeed<TKey, TRow> feed, DateTimeOffset nextPrune, CancellationToken cancellationToken)
    {
        var wake = DateTimeOffset.MaxValue;
        foreach (var retry in _retries.Values)
        {
            wake = retry.Due < wake ? retry.Due : wake;
        }

        if (_table.IsInitialized && (!_hasPruned || _options.PruneInterval > TimeSpan.Zero))
        {
            wake = nextPrune < wake ? nextPrune : wake;
        }

        var changed = feed.WaitAsync(cancellationToken);
        if (wake == DateTimeOffset.MaxValue)
        {
            await changed.ConfigureAwait(false);
            return;
        }

        var delay = wake - _time.GetUtcNow();
        if (delay <= TimeSpan.Zero)
        {
            return;
        }

        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(changed, Task.Delay(delay, _time, timer.Token)).ConfigureAwait(false);
        await timer.CancelAsync().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private void SignalProgress()
    {
        TaskCompletionSource finished;
        lock (_progressLock)
        {
            finished = _progress;
            _progress = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        finished.TrySetResult();
    }

    [LoggerMessage(1, LogLevel.Warning, "Reconciling {Table} {Key} failed (attempt {Attempts}): {Reason}")]
    private static partial void LogFailed(ILogger logger, string table, string key, int attempts, string reason);

    [LoggerMessage(2, LogLevel.Warning, "Pruning {Table} failed: {Reason}")]
    private static partial void LogPruneFailed(ILogger logger, string table, string reason);
}
