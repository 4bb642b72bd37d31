namespace Cilium.Hubble.Tests;

/// <summary>A clock that stands still until it is moved; timers run on the system's.</summary>
internal sealed class ManualTime(DateTimeOffset now) : TimeProvider
{
    private long _elapsedNs = 1_000_000_000_000;
    private DateTimeOffset _now = now;

    public override long TimestampFrequency => 1_000_000_000;

    public override long GetTimestamp() => _elapsedNs;

    public override DateTimeOffset GetUtcNow() => _now;

    public void Advance(TimeSpan by)
    {
        _elapsedNs += by.Ticks * 100;
        _now += by;
    }
}
