namespace Cilium.VirtualNetwork.Tests;

public sealed class ClockTests
{
    [Fact]
    public void Timers_fire_in_order_each_at_its_time()
    {
        var clock = new VirtualClock();
        var fired = new List<string>();
        using var slow = clock.CreateTimer(_ => fired.Add($"slow {clock.Elapsed.TotalSeconds}"), null, TimeSpan.FromSeconds(5), Timeout.InfiniteTimeSpan);
        using var tick = clock.CreateTimer(_ => fired.Add($"tick {clock.Elapsed.TotalSeconds}"), null, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2));
        clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(["tick 2", "tick 4", "slow 5"], fired);
        tick.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(3, fired.Count);
    }

    [Fact]
    public async Task Delays_end_when_the_clock_gets_there()
    {
        var clock = new VirtualClock();
        var delay = Task.Delay(TimeSpan.FromMinutes(1), clock, CancellationToken.None);
        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.False(delay.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(1));
        await delay.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(TimeSpan.FromMinutes(1), clock.GetElapsedTime(new VirtualClock().GetTimestamp()));
    }
}
