using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using FsCheck.Xunit;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Cilium.Core.Tests.Reconciliation;

public sealed class ReconcilerTests
{
    private sealed record Row(int Key, int Value);

    /// <summary>A reality that fails when told to, and otherwise does as desired.</summary>
    private sealed class Reality : IReconcilerOperations<int, Row>
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<int, int> _values = [];
        private int _calls;

        public Func<int, bool> FailsAtCall { get; init; } = _ => false;

        /// <summary>Which prunes fail; the first is 1.</summary>
        public Func<int, bool> FailsAtPrune { get; init; } = _ => false;

        public int Prunes { get; private set; }

        public Dictionary<int, int> Values
        {
            get
            {
                lock (_lock)
                {
                    return new Dictionary<int, int>(_values);
                }
            }
        }

        public void Put(int key, int value)
        {
            lock (_lock)
            {
                _values[key] = value;
            }
        }

        public ValueTask ApplyAsync(ReconcileBatch<int, Row> batch, CancellationToken cancellationToken)
        {
            lock (_lock)
            {
                foreach (var change in batch.Changes)
                {
                    if (FailsAtCall(_calls++))
                    {
                        batch.Fail(change.Key, new IOException("no"));
                    }
                    else if (change.Current is { } row)
                    {
                        _values[change.Key] = row.Value;
                    }
                    else
                    {
                        _values.Remove(change.Key);
                    }
                }
            }

            return ValueTask.CompletedTask;
        }

        public ValueTask PruneAsync(TableSnapshot<int, Row> desired, CancellationToken cancellationToken)
        {
            lock (_lock)
            {
                if (FailsAtPrune(++Prunes))
                {
                    throw new IOException("no");
                }

                foreach (var key in _values.Keys.Where(key => !desired.TryGet(key, out _)).ToList())
                {
                    _values.Remove(key);
                }
            }

            return ValueTask.CompletedTask;
        }
    }

    private static readonly ReconcilerOptions Fast = new() { RetryMinimum = TimeSpan.FromMilliseconds(1), RetryMaximum = TimeSpan.FromMilliseconds(2) };

    [Fact]
    public async Task Rows_reach_reality_and_failures_are_retried()
    {
        var (store, table) = NewTable();
        var reality = new Reality { FailsAtCall = call => call < 3 };
        using var stop = new CancellationTokenSource();
        var reconciler = new Reconciler<int, Row>(table, reality, Fast, TimeProvider.System, NullLogger.Instance);
        var running = reconciler.RunAsync(stop.Token);
        var revision = store.Write(tx => tx.Upsert(table, new Row(1, 10)));
        await reconciler.WaitUntilReconciledAsync(revision, Limit());
        Assert.Equal(10, reality.Values[1]);
        Assert.Equal(ReconcileState.Done, reconciler.StatusOf(1)!.State);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task Without_the_status_of_rows_that_are_done_only_errors_are_known()
    {
        var (store, table) = NewTable();
        var reality = new Reality { FailsAtCall = call => call == 0 };
        using var stop = new CancellationTokenSource();
        var options = new ReconcilerOptions { RetryMinimum = TimeSpan.FromHours(1), RetryMaximum = TimeSpan.FromHours(1), KeepsDone = false };
        var reconciler = new Reconciler<int, Row>(table, reality, options, TimeProvider.System, NullLogger.Instance);
        store.Write(tx => tx.Upsert(table, new Row(1, 10)));
        var tried = reconciler.WaitUntilAttemptedAsync(store.Revision, Limit());
        Assert.False(tried.IsCompleted);
        var running = reconciler.RunAsync(stop.Token);
        await tried;
        Assert.Equal(1, reconciler.ErrorCount);
        Assert.Equal("no", reconciler.StatusOf(1)!.Message);
        var revision = store.Write(tx => tx.Upsert(table, new Row(1, 11)));
        await reconciler.WaitUntilReconciledAsync(revision, Limit());
        Assert.Equal((0, 11), (reconciler.ErrorCount, reality.Values[1]));
        Assert.Null(reconciler.StatusOf(1));
        await Assert.ThrowsAsync<InvalidOperationException>(() => reconciler.WaitForRowAsync(1, revision, Limit()));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task What_somebody_else_undid_is_repeated_and_what_is_not_desired_is_not()
    {
        var (store, table) = NewTable();
        var reality = new Reality();
        using var stop = new CancellationTokenSource();
        var reconciler = new Reconciler<int, Row>(table, reality, Fast, TimeProvider.System, NullLogger.Instance);
        var running = reconciler.RunAsync(stop.Token);
        var revision = store.Write(tx => tx.Upsert(table, new Row(1, 10)));
        await reconciler.WaitUntilReconciledAsync(revision, Limit());

        reality.Put(1, 99);
        reality.Put(2, 99);
        reconciler.Repeat(2);
        reconciler.Repeat(1);
        var limit = Limit();
        while (reality.Values[1] != 10)
        {
            limit.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        Assert.Equal(99, reality.Values[2]);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task Nothing_is_pruned_before_every_source_has_reported()
    {
        var (store, table) = NewTable();
        table.RegisterInitializer("pods");
        var reality = new Reality();
        reality.Put(99, 1);
        using var stop = new CancellationTokenSource();
        var reconciler = new Reconciler<int, Row>(table, reality, Fast, TimeProvider.System, NullLogger.Instance);
        var running = reconciler.RunAsync(stop.Token);
        var revision = store.Write(tx => tx.Upsert(table, new Row(1, 10)));
        await reconciler.WaitUntilReconciledAsync(revision, Limit());
        Assert.Equal(0, reality.Prunes);
        Assert.True(reality.Values.ContainsKey(99));

        table.CompleteInitializer("pods");
        while (!reconciler.HasPruned)
        {
            await reconciler.WaitUntilReconciledAsync(store.Revision, Limit());
            await Task.Yield();
        }

        Assert.False(reality.Values.ContainsKey(99));
        Assert.True(reality.Values.ContainsKey(1));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_failing_row_says_why_and_does_not_stop_the_others()
    {
        var (store, table) = NewTable();
        var reality = new Reality { FailsAtCall = call => call == 0 };
        using var stop = new CancellationTokenSource();
        var slow = new ReconcilerOptions { RetryMinimum = TimeSpan.FromHours(1), RetryMaximum = TimeSpan.FromHours(1) };
        var reconciler = new Reconciler<int, Row>(table, reality, slow, TimeProvider.System, NullLogger.Instance);
        var first = store.Write(tx => tx.Upsert(table, new Row(1, 10)));
        var running = reconciler.RunAsync(stop.Token);
        var status = await reconciler.WaitForRowAsync(1, first, Limit());
        Assert.Equal((ReconcileState.Error, "no"), (status.State, status.Message));
        var second = store.Write(tx => tx.Upsert(table, new Row(2, 20)));
        Assert.Equal(ReconcileState.Done, (await reconciler.WaitForRowAsync(2, second, Limit())).State);
        Assert.Equal(1, reconciler.ErrorCount);

        // A newer row for the failed key is tried at once and clears the error.
        var third = store.Write(tx => tx.Upsert(table, new Row(1, 11)));
        Assert.Equal(ReconcileState.Done, (await reconciler.WaitForRowAsync(1, third, Limit())).State);
        Assert.Equal(0, reconciler.ErrorCount);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_write_that_left_a_row_as_it_was_is_waited_for_like_any_other()
    {
        var (store, table) = NewTable();
        var others = store.CreateTable<int, Row>("others", row => row.Key);
        var reality = new Reality { FailsAtCall = call => call == 1 };
        using var stop = new CancellationTokenSource();
        var slow = new ReconcilerOptions { RetryMinimum = TimeSpan.FromHours(1), RetryMaximum = TimeSpan.FromHours(1) };
        var reconciler = new Reconciler<int, Row>(table, reality, slow, TimeProvider.System, NullLogger.Instance);
        var running = reconciler.RunAsync(stop.Token);
        var first = store.Write(tx => tx.Upsert(table, new Row(1, 10)));
        await reconciler.WaitForRowAsync(1, first, Limit());

        store.Write(tx => tx.Upsert(others, new Row(1, 1)));
        var again = store.Write(tx => tx.Upsert(table, new Row(1, 10)));
        Assert.True(again > first);
        var status = await reconciler.WaitForRowAsync(1, again, Limit());
        Assert.Equal((ReconcileState.Done, first), (status.State, status.Revision));

        // Also of a row that failed: its retry is hours away.
        var failing = store.Write(tx => tx.Upsert(table, new Row(2, 20)));
        await reconciler.WaitForRowAsync(2, failing, Limit());
        store.Write(tx => tx.Upsert(others, new Row(1, 2)));
        status = await reconciler.WaitForRowAsync(2, store.Write(tx => tx.Upsert(table, new Row(2, 20))), Limit());
        Assert.Equal((ReconcileState.Error, failing), (status.State, status.Revision));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_row_that_is_not_there_is_waited_for_until_it_is_written()
    {
        var (store, table) = NewTable();
        var reality = new Reality();
        using var stop = new CancellationTokenSource();
        var reconciler = new Reconciler<int, Row>(table, reality, Fast, TimeProvider.System, NullLogger.Instance);
        var running = reconciler.RunAsync(stop.Token);
        await reconciler.WaitForRowAsync(1, store.Write(tx => tx.Upsert(table, new Row(1, 10))), Limit());
        var deleted = store.Write(tx => tx.Delete(table, 1));
        await reconciler.WaitUntilReconciledAsync(deleted, Limit());
        Assert.Empty(reality.Values);
        var waiting = reconciler.WaitForRowAsync(1, deleted, Limit());
        await reconciler.WaitForRowAsync(2, store.Write(tx => tx.Upsert(table, new Row(2, 20))), Limit());
        Assert.False(waiting.IsCompleted);
        var written = store.Write(tx => tx.Upsert(table, new Row(1, 11)));
        Assert.Equal(written, (await waiting).Revision);
        Assert.Equal(11, reality.Values[1]);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    /// <summary>Each prune reads all of reality: one that is always refused must not be tried ten times a second for ever.</summary>
    [Fact]
    public async Task A_prune_that_fails_waits_ever_longer_up_to_its_interval_until_it_succeeds()
    {
        var (store, table) = NewTable();
        var clock = new FakeTimeProvider();
        var reality = new Reality { FailsAtPrune = prune => prune is < 8 or 9 };
        using var stop = new CancellationTokenSource();
        var options = new ReconcilerOptions { RetryMinimum = TimeSpan.FromMilliseconds(100), PruneInterval = TimeSpan.FromSeconds(5) };
        var reconciler = new Reconciler<int, Row>(table, reality, options, clock, NullLogger.Instance);
        var running = reconciler.RunAsync(stop.Token);
        int[] waits = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 100, 5000];
        for (var prune = 1; prune <= waits.Length; prune++)
        {
            var limit = Limit();
            while (reality.Prunes < prune)
            {
                limit.ThrowIfCancellationRequested();
                await Task.Yield();
            }

            // A row that comes too early wakes the loop, which then looks whether a prune is due.
            clock.Advance(TimeSpan.FromMilliseconds(waits[prune - 1] - 1));
            await reconciler.WaitUntilReconciledAsync(store.Write(tx => tx.Upsert(table, new Row(1, prune))), Limit());
            Assert.Equal(prune, reality.Prunes);
            clock.Advance(TimeSpan.FromMilliseconds(1));
        }

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Property(MaxTest = 50)]
    public bool Reality_ends_as_desired_whatever_fails((int Key, int Value)[] operations, int seed)
    {
        var (store, table) = NewTable();
        var dice = new Random(seed);
        var reality = new Reality { FailsAtCall = _ => dice.Next(3) == 0 };
        reality.Put(1000, 1);
        using var stop = new CancellationTokenSource();
        var reconciler = new Reconciler<int, Row>(table, reality, Fast, TimeProvider.System, NullLogger.Instance);
        var running = reconciler.RunAsync(stop.Token);
        foreach (var (key, value) in operations)
        {
            store.Write(tx =>
            {
                if (value % 3 == 0)
                {
                    tx.Delete(table, key % 5);
                }
                else
                {
                    tx.Upsert(table, new Row(key % 5, value));
                }
            });
        }

        var limit = Limit();
        var desired = table.Snapshot().Values.ToDictionary(row => row.Key, row => row.Value);
        while (!Same(desired, reality.Values))
        {
            reconciler.WaitUntilReconciledAsync(store.Revision, limit).GetAwaiter().GetResult();
            limit.ThrowIfCancellationRequested();
        }

        stop.Cancel();
        try
        {
            running.GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            return true;
        }

        return false;

        static bool Same(Dictionary<int, int> left, Dictionary<int, int> right) =>
            left.Count == right.Count && left.All(pair => right.TryGetValue(pair.Key, out var value) && value == pair.Value);
    }

    [Theory]
    [InlineData(nameof(ReconcilerOptions.RetryMinimum))]
    [InlineData(nameof(ReconcilerOptions.RetryMaximum))]
    [InlineData(nameof(ReconcilerOptions.PruneInterval))]
    [InlineData(nameof(ReconcilerOptions.MaximumBatch))]
    public void Bad_options_are_named(string name)
    {
        var options = new ReconcilerOptions();
        switch (name)
        {
            case nameof(ReconcilerOptions.RetryMinimum): options.RetryMinimum = TimeSpan.Zero; break;
            case nameof(ReconcilerOptions.RetryMaximum): options.RetryMaximum = TimeSpan.FromMilliseconds(1); break;
            case nameof(ReconcilerOptions.PruneInterval): options.PruneInterval = TimeSpan.FromSeconds(-1); break;
            default: options.MaximumBatch = 0; break;
        }

        Assert.StartsWith(name, Assert.Throws<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);
    }

    private static (StateStore Store, Table<int, Row> Table) NewTable()
    {
        var store = new StateStore();
        return (store, store.CreateTable<int, Row>("rows", row => row.Key));
    }

    private static CancellationToken Limit() => new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;
}
