using System.Diagnostics;
using System.Net.WebSockets;
using Cilium.Lab.Serving;

namespace Cilium.Lab.Nodes;

/// <summary>A running container that a client has attached to.</summary>
internal static class AttachedContainer
{
    /// <summary>Follows the output until the container ends and returns its exit code, or 0 when the client leaves first.</summary>
    public static async Task<int> FollowAsync(Process process, Func<CancellationToken, Task> copyOutput, IExecStreams streams, CancellationToken cancel)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        // The read is not cancelled when the container ends: that would abort the connection before the exit code is told.
        var client = DrainAsync(streams, cancel);
        var container = Task.WhenAll(copyOutput(ended.Token), process.WaitForExitAsync(ended.Token));
        if (await Task.WhenAny(container, client) == client)
        {
            await ended.CancelAsync();
            await container.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancel.ThrowIfCancellationRequested();
            return 0;
        }

        await container;
        return process.ExitCode;
    }

    /// <summary>Reads until the client leaves. Nothing is done with its input; reading is what answers its pings.</summary>
    private static async Task DrainAsync(IExecStreams streams, CancellationToken cancel)
    {
        try
        {
            while (true) await streams.ReadInputAsync(cancel);
        }
        catch (Exception left) when (left is IOException or ObjectDisposedException or OperationCanceledException or WebSocketException)
        {
            return;
        }
    }
}
