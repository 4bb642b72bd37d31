namespace Cilium.Aws;

/// <summary>So many calls per second, with a number that may be made at once: a bucket of tokens.</summary>
/// <remarks>Thread-safe; who comes first is served first.</remarks>
internal sealed class CallBudget(double callsPerSecond, int burst, TimeProvider time)
{
    private readonly Lock _lock = new();
    private double _tokens = burst;
    private long _since = time.GetTimestamp();

    /// <summary>Waits for a turn.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        if (Take() is var wait && wait > TimeSpan.Zero)
        {
            await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes a token, one of the future if need be.</summary>
    /// <returns>When it may be used, from now.</returns>
    internal TimeSpan Take()
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            _tokens = Math.Min(burst, _tokens + (time.GetElapsedTime(_since, now).TotalSeconds * callsPerSecond));
            _since = now;
            _tokens--;
            return _tokens >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_tokens / callsPerSecond);
        }
    }
}
