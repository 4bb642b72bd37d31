using Cilium.ControlPlane.Agent;
using Cilium.Kubernetes.Tests;
using FsCheck.Xunit;

namespace Cilium.ControlPlane.Tests.Agent;

public sealed class SharedTicksTests
{
    /// <summary>Whenever a loop begins to wait, it ends with all others, and never at once.</summary>
    [Property]
    public void A_wait_ends_at_a_multiple_of_its_period(uint now, ushort length)
    {
        var period = TimeSpan.FromTicks(10 + length);
        var began = TimeSpan.FromTicks(now);
        var left = SharedTicks.LeftOf(began, period);
        Assert.Equal(0, (began + left).Ticks % period.Ticks);
        Assert.InRange(left, period / 10, period * 1.1);
    }

    [Fact]
    public async Task Loops_of_several_periods_that_began_apart_wake_together()
    {
        var clock = new TestClock();
        clock.Advance(TimeSpan.FromSeconds(3.25));
        var ten = clock.DelayToTickAsync(TimeSpan.FromSeconds(10), CancellationToken.None);
        clock.Advance(TimeSpan.FromSeconds(5.5));
        var thirty = clock.DelayToTickAsync(TimeSpan.FromSeconds(30), CancellationToken.None);
        Assert.InRange(clock.UntilNext!.Value, TimeSpan.FromSeconds(1.24), TimeSpan.FromSeconds(1.25));
        clock.Advance(TimeSpan.FromSeconds(1.25));
        await ten;
        Assert.False(thirty.IsCompleted);
        ten = clock.DelayToTickAsync(TimeSpan.FromSeconds(20), CancellationToken.None);
        clock.Advance(TimeSpan.FromSeconds(10));
        await ten;
        Assert.InRange(clock.UntilNext!.Value, TimeSpan.FromSeconds(9.99), TimeSpan.FromSeconds(10));
        clock.Advance(TimeSpan.FromSeconds(10));
        await thirty;
    }
}
