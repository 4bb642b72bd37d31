namespace Cilium.Hubble.Flows;

/// <summary>Turns the datapath's CLOCK_MONOTONIC nanoseconds into wall-clock time.</summary>
/// <remarks>The distance of the two clocks is measured again when the last measurement is older than ten seconds, so that a set clock is followed.</remarks>
public sealed class FlowClock
{
    private const long RefreshNs = 10_000_000_000;
    private readonly TimeProvider _time;
    private readonly Lock _measuring = new();
    private long _offsetNs;
    private long _measuredAtNs;

    /// <summary>Measures the distance for the first time.</summary>
    public FlowClock(TimeProvider time)
    {
        _time = time;
        Measure((long)MonotonicNs(time));
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
            Measure(now);
        }

        return (long)monotonicNs + Volatile.Read(ref _offsetNs);
    }

    /// <summary>Nanoseconds since 1970 of this moment.</summary>
    public long NowUnixNs() => ToUnixNs(MonotonicNs(_time));

    private void Measure(long now)
    {
        lock (_measuring)
        {
            var wallNs = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
            Volatile.Write(ref _offsetNs, wallNs - (long)MonotonicNs(_time));
            Volatile.Write(ref _measuredAtNs, now);
        }
    }
}
