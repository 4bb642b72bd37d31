using Cilium.ControlPlane.Agent;
using Cilium.Core.Tables;
using Cilium.Kubernetes.Tests;

namespace Cilium.ControlPlane.Tests.Agent;

public sealed class PoolThreadsTests
{
    [Fact]
    public async Task A_pool_that_has_settled_begins_with_one_thread_adds_others_when_that_is_blocked_and_is_as_before_when_it_spreads()
    {
        var threads = new PoolThreads();
        var before = Limits();
        try
        {
            threads.Settle();
            Assert.Equal((1, before.Maximum), Limits());
            using var second = new ManualResetEventSlim();
            var first = Task.Run(() => second.Wait(TimeSpan.FromSeconds(30)));
            await Task.Run(second.Set);
            Assert.True(await first);
        }
        finally
        {
            // The pool is the test process's own.
            threads.Spread();
        }

        Assert.Equal(before, Limits());
    }

    [Fact]
    public async Task An_agent_at_rest_has_settled_until_something_changes()
    {
        var before = Limits();
        ThreadPool.GetMinThreads(out _, out var completion);
        Assert.True(ThreadPool.SetMinThreads(before.Minimum + 1, completion));
        var (clock, store) = (new TestClock(), new StateStore());
        var table = store.CreateTable<int, string>("numbers", int.Parse);
        using var stop = new CancellationTokenSource();
        var running = new IdleResources(store, clock).RunAsync(stop.Token);
        try
        {
            // Other tests of this process may be busy.
            await TestTables.UntilAsync(running, () =>
            {
                clock.Advance(TimeSpan.FromSeconds(10));
                return Limits().Minimum == 1;
            });
            store.Write(transaction => transaction.Upsert(table, "1"));
            Assert.Equal(before.Minimum + 1, Limits().Minimum);
        }
        finally
        {
            await TestTables.EndAsync(stop, running);
            ThreadPool.SetMinThreads(before.Minimum, completion);
        }
    }

    private static (int Minimum, int Maximum) Limits()
    {
        ThreadPool.GetMinThreads(out var minimum, out _);
        ThreadPool.GetMaxThreads(out var maximum, out _);
        return (minimum, maximum);
    }
}
