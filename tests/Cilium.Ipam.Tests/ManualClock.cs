namespace Cilium.Ipam.Tests;

/// <summary>A clock that stands until it is told to move.</summary>
internal sealed class ManualClock : TimeProvider
{
    private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Called whenever the time is read.</summary>
    public Action? WhenRead { get; set; }

    public override DateTimeOffset GetUtcNow()
    {
        WhenRead?.Invoke();
        return _now;
    }

    public void Advance(TimeSpan by) => _now += by;
}
