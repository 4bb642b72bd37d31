using Cilium.Core.Tables;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Cilium.Core.Tests.Tables;

public sealed class TableTests
{
    private sealed record Row(int Key, int Value);

    [Fact]
    public void A_write_that_throws_changes_nothing()
    {
        var store = new StateStore();
        var left = store.CreateTable<int, Row>("left", row => row.Key);
        var right = store.CreateTable<int, Row>("right", row => row.Key);
        store.Write(tx => tx.Upsert(left, new Row(1, 1)));
        using var feed = left.Subscribe();
        feed.Drain();

        Assert.Throws<InvalidDataException>(() => store.Write(tx =>
        {
            tx.Upsert(left, new Row(1, 2));
            tx.Upsert(right, new Row(1, 2));
            throw new InvalidDataException();
        }));

        Assert.True(left.TryGet(1, out var row));
        Assert.Equal(1, row.Value);
        Assert.Equal(0, right.Count);
        Assert.Equal(1, store.Revision);
        Assert.Empty(feed.Drain());
    }

    [Fact]
    public void A_store_tells_of_each_write_that_changes_something_before_it_tells_readers()
    {
        var store = new StateStore();
        var table = store.CreateTable<int, Row>("table", row => row.Key);
        using var feed = table.Subscribe();
        var told = new List<(long Revision, int Count, bool IsTold)>();
        store.Written += () => told.Add((store.Revision, table.Count, feed.WaitAsync(CancellationToken.None).IsCompleted));
        store.Write(tx => tx.Upsert(table, new Row(1, 1)));
        store.Write(tx => tx.Upsert(table, new Row(1, 1)));
        Assert.Throws<InvalidDataException>(() => store.Write(_ => throw new InvalidDataException()));
        Assert.Equal([(1, 1, false)], told);
        Assert.Single(feed.Drain());
    }

    [Fact]
    public void Writing_an_equal_row_is_no_change()
    {
        var store = new StateStore();
        var table = store.CreateTable<int, Row>("table", row => row.Key);
        var first = store.Write(tx => Assert.True(tx.Upsert(table, new Row(1, 1))));
        var second = store.Write(tx => Assert.False(tx.Upsert(table, new Row(1, 1))));
        Assert.Equal(first, second);
    }

    [Fact]
    public async Task A_store_is_quiet_when_every_reader_has_taken_all_and_waits()
    {
        var store = new StateStore();
        var table = store.CreateTable<int, Row>("table", row => row.Key);
        Assert.True(store.IsQuiet);
        using var feed = table.Subscribe();
        Assert.False(store.IsQuiet);
        var waiting = feed.WaitAsync(CancellationToken.None);
        Assert.True(store.IsQuiet);
        store.Write(tx => tx.Upsert(table, new Row(1, 1)));
        Assert.False(store.IsQuiet);
        await waiting;
        feed.Drain();
        Assert.False(store.IsQuiet);
        _ = feed.WaitAsync(CancellationToken.None);
        Assert.True(store.IsQuiet);
    }

    [Fact]
    public void A_write_inside_a_write_is_refused()
    {
        var store = new StateStore();
        Assert.Throws<InvalidOperationException>(() => store.Write(_ => store.Write(_ => { })));
    }

    [Fact]
    public void A_transaction_reads_its_own_writes()
    {
        var store = new StateStore();
        var table = store.CreateTable<int, Row>("table", row => row.Key);
        store.Write(tx =>
        {
            tx.Upsert(table, new Row(1, 1));
            Assert.True(tx.TryGet(table, 1, out _));
            tx.Delete(table, 1);
            Assert.False(tx.TryGet(table, 1, out _));
        });
        Assert.Equal(0, table.Count);
        Assert.Equal(0, store.Revision);
    }

    [Fact]
    public async Task Initialization_waits_for_every_source()
    {
        var store = new StateStore();
        var table = store.CreateTable<int, Row>("table", row => row.Key);
        table.RegisterInitializer("pods");
        table.RegisterInitializer("nodes");
        var waiting = table.WaitInitializedAsync(CancellationToken.None);
        table.CompleteInitializer("pods");
        Assert.False(table.IsInitialized);
        Assert.False(waiting.IsCompleted);
        table.CompleteInitializer("nodes");
        Assert.True(table.IsInitialized);
        await waiting;
    }

    [Fact]
    public async Task A_table_that_is_initialized_stays_so()
    {
        var store = new StateStore();
        var table = store.CreateTable<int, Row>("table", row => row.Key);
        table.RegisterInitializer("pods");
        table.RegisterInitializer("nodes");
        table.CompleteInitializer("pods");
        Assert.Contains("pods", Assert.Throws<InvalidOperationException>(() => table.RegisterInitializer("pods")).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => table.RegisterInitializer("nodes"));
        table.CompleteInitializer("pods");
        table.CompleteInitializer("never registered");
        Assert.False(table.IsInitialized);
        table.CompleteInitializer("nodes");
        await table.WaitInitializedAsync(CancellationToken.None);
        Assert.Contains("late", Assert.Throws<InvalidOperationException>(() => table.RegisterInitializer("late")).Message, StringComparison.Ordinal);
        Assert.True(table.IsInitialized);
    }

    [Property]
    public bool A_table_and_its_feeds_agree_with_a_dictionary((int Key, int Value)[] operations, byte drainEvery)
    {
        var store = new StateStore();
        var table = store.CreateTable<int, Row>("table", row => row.Key);
        var model = new Dictionary<int, int>();
        var mirror = new Dictionary<int, Row>();
        using var feed = table.Subscribe();
        var step = 0;
        foreach (var (key, value) in operations)
        {
            var slot = key % 7;
            store.Write(tx =>
            {
                if (value % 3 == 0)
                {
                    tx.Delete(table, slot);
                }
                else
                {
                    tx.Upsert(table, new Row(slot, value));
                }
            });
            if (value % 3 == 0)
            {
                model.Remove(slot);
            }
            else
            {
                model[slot] = value;
            }

            if (++step % ((drainEvery % 5) + 1) == 0)
            {
                Drain();
            }
        }

        Drain();
        return Same(table.Snapshot().Values) && Same(mirror.Values);

        void Drain()
        {
            foreach (var change in feed.Drain())
            {
                // What the feed says was there must be what its reader had.
                if (!Equals(mirror.GetValueOrDefault(change.Key), change.Previous))
                {
                    throw new InvalidDataException($"feed says {change.Previous}, mirror had {mirror.GetValueOrDefault(change.Key)}");
                }

                if (change.Current is { } row)
                {
                    mirror[change.Key] = row;
                }
                else
                {
                    mirror.Remove(change.Key);
                }
            }
        }

        bool Same(IEnumerable<Row> rows) =>
            rows.OrderBy(r => r.Key).Select(r => (r.Key, r.Value)).SequenceEqual(model.OrderBy(p => p.Key).Select(p => (p.Key, p.Value)));
    }

    [Fact]
    public async Task Concurrent_writers_lose_nothing_and_feeds_end_equal()
    {
        var store = new StateStore();
        var table = store.CreateTable<int, Row>("table", row => row.Key);
        using var feed = table.Subscribe();
        var mirror = new Dictionary<int, Row>();
        var writers = Enumerable.Range(0, 4).Select(writer => Task.Run(() =>
        {
            for (var i = 0; i < 500; i++)
            {
                store.Write(tx => tx.Upsert(table, new Row((writer * 1000) + i, i)));
            }
        })).ToArray();
        while (!Task.WhenAll(writers).IsCompleted || table.Revision > feed.DrainedRevision)
        {
            foreach (var change in feed.Drain())
            {
                mirror[change.Key] = change.Current!;
            }

            await Task.Yield();
        }

        Assert.Equal(2000, table.Count);
        Assert.Equal(2000, mirror.Count);
        Assert.Equal(2000, store.Revision);
    }

    /// <summary>A reader that wakes by a timer, and finds nothing, would leave one more wait behind each time.</summary>
    [Fact]
    public async Task A_reader_that_waits_again_before_anything_came_has_one_wait_only()
    {
        var store = new StateStore();
        var table = store.CreateTable<int, Row>("table", row => row.Key);
        using var feed = table.Subscribe();
        using var other = new CancellationTokenSource();
        using var stop = new CancellationTokenSource();
        var waiting = feed.WaitAsync(stop.Token);
        Assert.Same(waiting, feed.WaitAsync(stop.Token));
        Assert.NotSame(waiting, feed.WaitAsync(other.Token));
        store.Write(tx => tx.Upsert(table, new Row(1, 1)));
        await waiting.WaitAsync(TimeSpan.FromSeconds(60), CancellationToken.None);
        Assert.True(feed.WaitAsync(stop.Token).IsCompletedSuccessfully);
        feed.Drain();
        waiting = feed.WaitAsync(stop.Token);
        Assert.False(waiting.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => feed.WaitAsync(stop.Token));
        Assert.False(feed.WaitAsync(CancellationToken.None).IsCompleted);
    }

    [Fact]
    public void Replace_makes_the_table_hold_exactly_these_rows()
    {
        var store = new StateStore();
        var table = store.CreateTable<int, Row>("table", row => row.Key);
        store.Write(tx => tx.Replace(table, [new Row(1, 1), new Row(2, 2)]));
        store.Write(tx => tx.Replace(table, [new Row(2, 3), new Row(4, 4)]));
        Assert.Equal([(2, 3), (4, 4)], table.Snapshot().Values.OrderBy(r => r.Key).Select(r => (r.Key, r.Value)));
    }
}
