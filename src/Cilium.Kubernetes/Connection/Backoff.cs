namespace Cilium.Kubernetes;

/// <summary>Growing waits with jitter, so that many clients do not return together.</summary>
internal sealed class Backoff(TimeSpan minimum, TimeSpan maximum, Random random)
{
    private int _failures;

    /// <summary>The next wait: between half and all of the minimum doubled once per failure, at most the maximum.</summary>
    public TimeSpan Next()
    {
        var whole = Math.Min(minimum.TotalMilliseconds * Math.Pow(2, Math.Min(_failures, 30)), maximum.TotalMilliseconds);
        _failures++;
        return TimeSpan.FromMilliseconds(whole * (0.5 + (random.NextDouble() / 2)));
    }

    public void Reset() => _failures = 0;
}
