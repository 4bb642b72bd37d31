using System.Diagnostics;

namespace Cilium.Lab.Nodes;

/// <summary>Ends processes as a kubelet does: they are asked first.</summary>
internal static class ProcessEnd
{
    /// <summary>Asks processes to end and kills what has not by the end of a grace period. False when that was necessary.</summary>
    /// <param name="processes">The processes.</param>
    /// <param name="kill">Kills them.</param>
    /// <param name="graceOver">Cancelled at the end of the grace period.</param>
    /// <param name="cancel">Gives up: nothing is killed.</param>
    public static async Task<bool> StopAsync(IReadOnlyList<Process> processes, Action kill, CancellationToken graceOver, CancellationToken cancel)
    {
        foreach (var process in processes)
        {
            if (!process.HasExited) Signals.Terminate(process.Id);
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(graceOver, cancel);
        try
        {
            foreach (var process in processes) await process.WaitForExitAsync(limit.Token);
            return true;
        }
        catch (OperationCanceledException) when (graceOver.IsCancellationRequested)
        {
            kill();
            return false;
        }
    }
}
