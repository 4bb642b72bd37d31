using System.Buffers;
using System.Diagnostics;
using System.Net.WebSockets;
using Cilium.Lab.Serving;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Nodes;

/// <summary>A command that a client has started in a container, joined to the client's streams.</summary>
internal static class JoinedCommand
{
    /// <summary>Runs until the command ends and returns its exit code; the command ends, too, when the client goes.</summary>
    public static async Task<int> RunAsync(ProcessStartInfo start, bool takesInput, IExecStreams streams, CancellationToken cancel)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.UseShellExecute = false;
        using var process = Process.Start(start) ?? throw new ApiException(500, "InternalError", "the command did not start");
        using var inputEnds = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        if (!takesInput) process.StandardInput.Close();
        var input = FeedAsync(process, takesInput, streams, inputEnds.Token);
        try
        {
            await Task.WhenAll(
                CopyAsync(process.StandardOutput.BaseStream, streams.WriteOutputAsync, cancel),
                CopyAsync(process.StandardError.BaseStream, streams.WriteErrorAsync, cancel));
            await process.WaitForExitAsync(cancel);
            return process.ExitCode;
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            // Cancelling a pending read would abort the connection before the exit code is told; it ends when the client hangs up.
            if (input.IsCompleted) await inputEnds.CancelAsync();
        }
    }

    public static async Task CopyAsync(Stream source, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> write, CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(32 * 1024);
        try
        {
            int count;
            while ((count = await source.ReadAsync(buffer, cancel)) > 0) await write(buffer.AsMemory(0, count), cancel);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task FeedAsync(Process process, bool takesInput, IExecStreams streams, CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                // Reading never stops while the command runs: it is also what answers the client's pings and notices that it left.
                var bytes = await streams.ReadInputAsync(cancel);
                if (!takesInput) continue;
                if (bytes.IsEmpty)
                {
                    process.StandardInput.Close();
                    continue;
                }

                await process.StandardInput.BaseStream.WriteAsync(bytes, cancel);
                await process.StandardInput.BaseStream.FlushAsync(cancel);
            }
        }
        catch (EndOfStreamException) when (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception ended) when (ended is IOException or ObjectDisposedException or OperationCanceledException or WebSocketException)
        {
            // The command or the client is gone: there is nobody to feed.
            return;
        }
    }
}
