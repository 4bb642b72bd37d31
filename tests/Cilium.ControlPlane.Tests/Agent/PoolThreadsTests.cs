using Cilium.ControlPlane.Agent;

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
            PoolThreads.Settle();
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

    private static (int Minimum, int Maximum) Limits()
    {
        ThreadPool.GetMinThreads(out var minimum, out _);
        ThreadPool.GetMaxThreads(out var maximum, out _);
        return (minimum, maximum);
    }
}
