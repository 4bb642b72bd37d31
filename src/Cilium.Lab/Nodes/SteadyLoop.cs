using Microsoft.Extensions.Logging;

namespace Cilium.Lab.Nodes;

/// <summary>A part of a node that begins anew when it fails: what one pod or file is like must not end the node unseen.</summary>
internal sealed partial class SteadyLoop(string what, Func<CancellationToken, Task> work, TimeProvider clock, ILogger log)
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(250);

    /// <summary>Runs until cancelled, and then ends without an exception.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                await TryAsync(cancel);
                await Task.Delay(RetryAfter, clock, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            Log.Stopping(log, what);
        }
    }

    private async Task TryAsync(CancellationToken cancel)
    {
        try
        {
            await work(cancel);
        }
        catch (Exception failure) when (!cancel.IsCancellationRequested)
        {
            Log.Failed(log, what, failure);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(22, LogLevel.Error, "following {What} failed; it begins anew")]
        public static partial void Failed(ILogger log, string what, Exception failure);

        [LoggerMessage(21, LogLevel.Debug, "following {What} ends")]
        public static partial void Stopping(ILogger log, string what);
    }
}
