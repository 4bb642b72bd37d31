namespace Cilium.Hubble.Flows;

/// <summary>Turns the datapath's CLOCK_MONOTONIC nanoseconds into wall-clock time.</summary>
/// <remarks>
/// The distance of the two clocks is measured again when the last measurement is older than ten seconds, so that a set clock is followed. A
/// distance that differs by less than a millisecond is that of the measurement, not of the clocks: one event has one time, however often it is read.
/// </remarks>
public sealed class FlowClock
{
    private const long RefreshNs = 10_000_000_000;
    private const long ToleranceNs = 1_000_000;
    private const long ApartNs = 50_000;
    private const int Tries = 5;
    private readonly TimeProvider _time;
    private readonly Lock _measuring = new();
    private long _offsetNs;
    private long _measuredAtNs;

    /// <summary>Measures the distance for the first time.</summary>
    public FlowClock(TimeProvider time)
    {
        _time = time;
        Measure();
    }

    /// <summary>The monotonic clock of a time provider in nanoseconds; on Linux the system provider's is CLOCK_MONOTONIC.</summary>
    public static ulong MonotonicNs(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        var ticks = time.GetTimestamp();
        return time.TimestampFrequency == 1_000_000_000
            ? (ulong)ticks
            : (ulong)((UInt128)(ulong)ticks * 1_000_000_000 / (ulong)time.TimestampFrequency);
    }

    /// <summary>Nanoseconds since 1970 of a monotonic time.</summary>
    public long ToUnixNs(ulong monotonicNs)
    {
        var now = (long)MonotonicNs(_time);
        if (now - Volatile.Read(ref _measuredAtNs) > RefreshNs)
        {
            Measure();
        }

        return (long)monotonicNs + Volatile.Read(ref _offsetNs);
    }

    /// <summary>Nanoseconds since 1970 of this moment.</summary>
    public long NowUnixNs() => ToUnixNs(MonotonicNs(_time));

    private void Measure()
    {
        lock (_measuring)
        {
            // A thread that was stopped between the two clocks has measured that: the closest of some tries counts.
            var (offset, closest, now) = (0L, long.MaxValue, 0L);
            for (var attempt = 0; attempt < Tries && closest > ApartNs; attempt++)
            {
                var before = (long)MonotonicNs(_time);
                var wall = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
                now = (long)MonotonicNs(_time);
                if (now - before < closest)
                {
                    (offset, closest) = (wall - before, now - before);
                }
            }

            if (Math.Abs(offset - _offsetNs) > ToleranceNs)
            {
                Volatile.Write(ref _offsetNs, offset);
            }

            Volatile.Write(ref _measuredAtNs, now);
        }
    }
}
