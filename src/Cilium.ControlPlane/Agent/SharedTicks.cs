namespace Cilium.ControlPlane.Agent;

/// <summary>Waits of loops that look every now and then: all end at the same moments, so that an agent at rest is woken once for all of them.</summary>
internal static class SharedTicks
{
    /// <summary>Waits until the clock is at a multiple of <paramref name="period"/>, for a tenth of it at least: a timer may be early by a little.</summary>
    public static Task DelayToTickAsync(this TimeProvider time, TimeSpan period, CancellationToken cancellationToken) =>
        Task.Delay(LeftOf(time.GetElapsedTime(0), period), time, cancellationToken);

    /// <summary>The time from <paramref name="now"/>, since the clock's zero, to the tick that is waited for.</summary>
    internal static TimeSpan LeftOf(TimeSpan now, TimeSpan period)
    {
        var left = TimeSpan.FromTicks(period.Ticks - (now.Ticks % period.Ticks));
        return left < period / 10 ? left + period : left;
    }
}
