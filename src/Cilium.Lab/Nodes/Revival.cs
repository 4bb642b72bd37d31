namespace Cilium.Lab.Nodes;

/// <summary>Has something begin anew that has failed, after ever longer pauses.</summary>
internal sealed class Revival(TimeProvider clock)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    /// <summary>Makes attempts until one ends by itself.</summary>
    /// <param name="attempt">One attempt.</param>
    /// <param name="failed">Told of each failure.</param>
    /// <param name="hurry">Cuts the pause before the next attempt, unless it is cancelled when that begins.</param>
    /// <param name="cancel">Ends it, with <see cref="OperationCanceledException"/>.</param>
    public async Task RunAsync(
        Func<CancellationToken, Task> attempt, Func<Exception, CancellationToken, Task> failed, Func<CancellationToken> hurry, CancellationToken cancel)
    {
        for (var pause = FirstPause; !await TryAsync(attempt, failed, cancel); pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            var cut = hurry();
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, cut.IsCancellationRequested ? CancellationToken.None : cut);
            await Task.Delay(pause, clock, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancel.ThrowIfCancellationRequested();
        }
    }

    private static async Task<bool> TryAsync(Func<CancellationToken, Task> attempt, Func<Exception, CancellationToken, Task> failed, CancellationToken cancel)
    {
        try
        {
            await attempt(cancel);
            return true;
        }
        catch (Exception failure) when (!cancel.IsCancellationRequested)
        {
            await failed(failure, cancel);
            return false;
        }
    }
}
