namespace Cilium.ControlPlane.Agent;

/// <summary>Waits for any of several signals, keeping what still waits for the next time.</summary>
/// <remarks>Not thread-safe. A wait that is begun anew for every wake-up would leave one registration behind each time.</remarks>
internal sealed class Wakeup(TimeProvider time, params Func<CancellationToken, Task>[] signals)
{
    private readonly Task[] _waits = new Task[signals.Length];

    /// <summary>Completes at the first signal, or when <paramref name="atMost"/> has passed.</summary>
    public async Task WaitAsync(TimeSpan? atMost, CancellationToken cancellationToken)
    {
        for (var i = 0; i < signals.Length; i++)
        {
            if (_waits[i] is null or { IsCompleted: true })
            {
                _waits[i] = signals[i](cancellationToken);
            }
        }

        var any = Task.WhenAny(_waits);
        if (atMost is { } limit)
        {
            using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(any, Task.Delay(limit, time, timer.Token)).ConfigureAwait(false);
            await timer.CancelAsync().ConfigureAwait(false);
        }
        else
        {
            await any.ConfigureAwait(false);
        }

        cancellationToken.ThrowIfCancellationRequested();
    }
}
