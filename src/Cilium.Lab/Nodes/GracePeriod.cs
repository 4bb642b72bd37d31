namespace Cilium.Lab.Nodes;

/// <summary>
/// How long the processes of a pod on its way out may still run. It begins with the first end; later ones shorten it and never lengthen it.
/// Thread-safe.
/// </summary>
internal sealed class GracePeriod : IDisposable
{
    private const long LongestSeconds = 2_000_000; // what a timer can count
    private readonly Lock gate = new();
    private readonly TimeProvider clock;
    private readonly CancellationTokenSource begun = new();
    private readonly CancellationTokenSource over;
    private long? beganAt;
    private TimeSpan length = TimeSpan.MaxValue;
    private bool isDisposed;

    public GracePeriod(TimeProvider clock)
    {
        this.clock = clock;
        over = new CancellationTokenSource(Timeout.InfiniteTimeSpan, clock);
        Begun = begun.Token;
        Over = over.Token;
    }

    /// <summary>Cancelled when the pod is to end.</summary>
    public CancellationToken Begun { get; }

    /// <summary>Cancelled when what still runs is to be killed.</summary>
    public CancellationToken Over { get; }

    /// <summary>Ends the pod so many seconds from now, or when an earlier end said, whichever comes first.</summary>
    public void End(long seconds)
    {
        var rest = TimeSpan.FromSeconds(Math.Clamp(seconds, 0, LongestSeconds));
        lock (gate)
        {
            if (isDisposed) return;
            beganAt ??= clock.GetTimestamp();
            var stated = clock.GetElapsedTime(beganAt.Value) + rest;
            if (stated < length)
            {
                length = stated;
                if (rest == TimeSpan.Zero) over.Cancel();
                else over.CancelAfter(rest);
            }

            begun.Cancel();
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            isDisposed = true;
            begun.Dispose();
            over.Dispose();
        }
    }
}
