namespace Cilium.VirtualNetwork;

/// <summary>A clock that stands still until it is moved; its timers fire on the thread that moves it, in order of their time.</summary>
/// <remarks>Safe for use from many threads. One tick of the timestamp is a nanosecond.</remarks>
/// <param name="start">The time it shows at first.</param>
public sealed class VirtualClock(DateTimeOffset start) : TimeProvider
{
    private const long NanosecondsPerTick = 100;
    private readonly Lock _lock = new();
    private readonly PriorityQueue<Timer, (long Due, long Order)> _timers = new();
    private long _ticks;
    private long _order;

    /// <summary>A clock that begins on 1 January 2026.</summary>
    public VirtualClock()
        : this(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero))
    {
    }

    /// <inheritdoc/>
    public override long TimestampFrequency => 1_000_000_000;

    /// <summary>What has passed since the beginning.</summary>
    public TimeSpan Elapsed => TimeSpan.FromTicks(Interlocked.Read(ref _ticks));

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => start + Elapsed;

    /// <inheritdoc/>
    /// <remarks>An hour more than <see cref="Elapsed"/>: a machine has been up for a while, and no timestamp is zero.</remarks>
    public override long GetTimestamp() => (Interlocked.Read(ref _ticks) + TimeSpan.TicksPerHour) * NanosecondsPerTick;

    /// <summary>Moves the clock on and fires the timers that fall due on the way, each at its time.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The time is negative.</exception>
    public void Advance(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero);
        var until = Interlocked.Read(ref _ticks) + time.Ticks;
        while (true)
        {
            Timer timer;
            lock (_lock)
            {
                if (!_timers.TryPeek(out var next, out var place) || place.Due > until)
                {
                    Interlocked.Exchange(ref _ticks, until);
                    return;
                }
                timer = _timers.Dequeue();
                if (timer.Place != place)
                    continue;
                Interlocked.Exchange(ref _ticks, Math.Max(_ticks, place.Due));
                timer.Place = default;
                if (timer.Period > TimeSpan.Zero)
                    Enqueue(timer, timer.Period);
            }
            timer.Fire();
        }
    }

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private void Enqueue(Timer timer, TimeSpan dueTime)
    {
        timer.Place = (_ticks + Math.Max(0, dueTime.Ticks), ++_order);
        _timers.Enqueue(timer, timer.Place);
    }

    private sealed class Timer(VirtualClock clock, TimerCallback callback, object? state) : ITimer
    {
        /// <summary>Its place in the queue; zero when it waits for nothing. A place that differs is of an earlier setting.</summary>
        internal (long Due, long Order) Place { get; set; }

        internal TimeSpan Period { get; private set; }

        internal void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._lock)
            {
                Period = period == Timeout.InfiniteTimeSpan ? TimeSpan.Zero : period;
                Place = default;
                if (dueTime != Timeout.InfiniteTimeSpan)
                    clock.Enqueue(this, dueTime);
            }
            return true;
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
