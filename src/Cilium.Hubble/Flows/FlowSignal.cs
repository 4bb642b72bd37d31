namespace Cilium.Hubble.Flows;

/// <summary>Wakes readers that follow the ring, at the cost of one plain read for the writer when nobody waits.</summary>
/// <remarks>
/// The writer takes no fence between publishing and looking for waiters, so a wake-up may be missed by nanoseconds; the wait is therefore
/// also ended by a period, after which the reader looks for itself.
/// </remarks>
internal sealed class FlowSignal
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(50);
    private TaskCompletionSource? _waiting;

    public void Raise()
    {
        if (Volatile.Read(ref _waiting) is not null)
        {
            Interlocked.Exchange(ref _waiting, null)?.TrySetResult();
        }
    }

    public async Task WaitAsync(FlowRing ring, long position, TimeProvider time, CancellationToken cancellationToken)
    {
        while (ring.Head <= position)
        {
            var waiting = Volatile.Read(ref _waiting);
            if (waiting is null)
            {
                var created = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                waiting = Interlocked.CompareExchange(ref _waiting, created, null) ?? created;
            }

            if (ring.Head > position)
            {
                return;
            }

            await Task.WhenAny(waiting.Task, Task.Delay(Period, time, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
