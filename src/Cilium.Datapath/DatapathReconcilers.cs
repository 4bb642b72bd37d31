using System.Collections.Concurrent;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Microsoft.Extensions.Logging;

namespace Cilium.Datapath;

/// <summary>The loops that carry the tables of a datapath to its maps and devices.</summary>
internal sealed partial class DatapathReconcilers(TimeProvider time, ILoggerFactory loggers) : IDisposable
{
    private readonly ILogger _logger = loggers.CreateLogger<DatapathReconcilers>();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _loops = [];
    private readonly List<Func<CancellationToken, Task>> _waits = [];
    private readonly List<Func<int>> _errors = [];
    private readonly List<Func<bool>> _pruned = [];
    private readonly ConcurrentDictionary<object, TaskCompletionSource<Func<long, CancellationToken, Task>>> _attempts = new();

    /// <summary>Whether every loop has compared all that is desired with what there is.</summary>
    internal bool HavePruned => _pruned.TrueForAll(hasPruned => hasPruned());

    /// <summary>Rows that could not be carried out and wait for a retry.</summary>
    internal int ErrorCount => _errors.Sum(errors => errors());

    /// <summary>Starts a loop.</summary>
    /// <param name="table">What is desired.</param>
    /// <param name="operations">How it is carried out.</param>
    /// <param name="isWaitedFor">Whether somebody waits for single rows.</param>
    internal Reconciler<TKey, TRow> Run<TKey, TRow>(Table<TKey, TRow> table, IReconcilerOperations<TKey, TRow> operations, bool isWaitedFor = false)
        where TKey : notnull
        where TRow : class
    {
        var reconciler = new Reconciler<TKey, TRow>(table, operations, new ReconcilerOptions { KeepsDone = isWaitedFor }, time, loggers.CreateLogger<Reconciler<TKey, TRow>>());
        AttemptsOf(table).TrySetResult(reconciler.WaitUntilAttemptedAsync);
        _loops.Add(Task.Run(() => LoopAsync(reconciler)));
        _waits.Add(token => reconciler.WaitUntilReconciledAsync(table.Revision, token));
        _errors.Add(() => reconciler.ErrorCount);
        _pruned.Add(() => reconciler.HasPruned);
        return reconciler;
    }

    /// <summary>Waits until all that is written by now was carried out.</summary>
    internal async Task SettleAsync(CancellationToken cancellationToken)
    {
        foreach (var wait in _waits)
            await wait(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits until what was written to a table by a revision was tried, once its loop runs.</summary>
    internal async Task WaitUntilAttemptedAsync(object table, long revision, CancellationToken cancellationToken)
    {
        var attempt = await AttemptsOf(table).Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        await attempt(revision, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends the loops.</summary>
    internal async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_loops).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends the loops and waits for it; what they use may be closed only then.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        // Loops end at once when cancelled.
        Task.WhenAll(_loops).GetAwaiter().GetResult();
        _stop.Dispose();
    }

    private TaskCompletionSource<Func<long, CancellationToken, Task>> AttemptsOf(object table) =>
        _attempts.GetOrAdd(table, static _ => new TaskCompletionSource<Func<long, CancellationToken, Task>>(TaskCreationOptions.RunContinuationsAsynchronously));

    private async Task LoopAsync<TKey, TRow>(Reconciler<TKey, TRow> reconciler)
        where TKey : notnull
        where TRow : class
    {
        try
        {
            await reconciler.RunAsync(_stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            LogLoopEnded(_logger, reconciler.Name);
        }
    }

    [LoggerMessage(1, LogLevel.Debug, "Reconciling {Table} ended")]
    private static partial void LogLoopEnded(ILogger logger, string table);
}
