using Cilium.Hubble.Flows;

namespace Cilium.Hubble.Tests.Flows;

public sealed class FlowClockTests
{
    private static readonly DateTimeOffset s_start = new(2024, 1, 2, 15, 4, 5, TimeSpan.Zero);

    [Fact]
    public void An_event_keeps_its_time_while_the_clocks_run_side_by_side()
    {
        var time = new UnevenTime();
        var clock = new FlowClock(time);
        var recorded = FlowClock.MonotonicNs(time);
        var first = clock.ToUnixNs(recorded);

        for (var look = 0; look < 20; look++)
        {
            time.Advance(TimeSpan.FromSeconds(11));
            time.Apart = TimeSpan.FromMicroseconds(look * 40);
            Assert.Equal(first, clock.ToUnixNs(recorded));
        }
    }

    [Fact]
    public void A_clock_that_was_set_is_followed()
    {
        var time = new UnevenTime();
        var clock = new FlowClock(time);
        var recorded = FlowClock.MonotonicNs(time);
        var first = clock.ToUnixNs(recorded);

        time.Apart = TimeSpan.FromHours(1);
        time.Advance(TimeSpan.FromSeconds(11));

        Assert.Equal(TimeSpan.FromHours(1).Ticks * 100, clock.ToUnixNs(recorded) - first);
    }

    [Fact]
    public void A_thread_that_was_stopped_between_the_clocks_does_not_date_events_anew()
    {
        var time = new UnevenTime();
        var clock = new FlowClock(time);
        var recorded = FlowClock.MonotonicNs(time);
        var first = clock.ToUnixNs(recorded);

        time.Advance(TimeSpan.FromSeconds(11));
        time.StopsBetween = TimeSpan.FromMilliseconds(300);

        Assert.Equal(first, clock.ToUnixNs(recorded));
    }

    private sealed class UnevenTime : TimeProvider
    {
        private long _elapsedNs = 1_000_000_000_000;

        /// <summary>How far the wall clock is from where it would be.</summary>
        public TimeSpan Apart { get; set; }

        /// <summary>Passes once after the wall clock was read.</summary>
        public TimeSpan StopsBetween { get; set; }

        public override long TimestampFrequency => 1_000_000_000;

        public void Advance(TimeSpan by) => _elapsedNs += by.Ticks * 100;

        public override long GetTimestamp() => _elapsedNs;

        public override DateTimeOffset GetUtcNow()
        {
            var now = s_start + TimeSpan.FromTicks(_elapsedNs / 100) + Apart;
            Advance(StopsBetween);
            StopsBetween = default;
            return now;
        }
    }
}
