namespace Cilium.Lab.Nodes;

/// <summary>
/// The order of a pod's containers: (1) init containers one after the other, of which sidecars go on, (2) the others at once, (3) when those are done, the
/// end of the sidecars.
/// </summary>
/// <param name="run">Runs a container to its last end; a sidecar until it is ended.</param>
/// <param name="end">Ends a sidecar; false when it has to be cancelled.</param>
internal sealed class ContainerSequence(Func<ContainerRecord, CancellationToken, Task> run, Func<ContainerRecord, CancellationToken, Task<bool>> end)
{
    /// <summary>Runs them until all are done or an init container has failed for good. The first that throws ends the others.</summary>
    public async Task RunAsync(IReadOnlyList<ContainerRecord> containers, CancellationToken cancel)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var sidecars = new List<(ContainerRecord Record, Task Run)>();
        var work = new List<Task>();
        try
        {
            if (await InitializeAsync(containers, sidecars, ending))
            {
                work.AddRange(containers.Where(record => !record.IsInit).Select(record => GuardAsync(record, ending)));
                await Task.WhenAll(work);
            }

            foreach (var (record, running) in sidecars.AsEnumerable().Reverse())
            {
                if (await end(record, ending.Token)) await running;
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // Ended since another has failed, which says why.
            await Task.WhenAll([.. work, .. sidecars.Select(sidecar => sidecar.Run)]);
            throw;
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll([.. work, .. sidecars.Select(sidecar => sidecar.Run)]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <returns>False when an init container has failed for good.</returns>
    private async Task<bool> InitializeAsync(IReadOnlyList<ContainerRecord> containers, List<(ContainerRecord Record, Task Run)> sidecars, CancellationTokenSource ending)
    {
        foreach (var record in containers.Where(record => record.IsInit))
        {
            var running = GuardAsync(record, ending);
            if (record.IsSidecar)
            {
                sidecars.Add((record, running));
                await await Task.WhenAny(running, record.Started.WaitAsync(ending.Token));
            }
            else
            {
                await running;
                if (record.ExitCode != 0) return false;
            }
        }

        return true;
    }

    private async Task GuardAsync(ContainerRecord record, CancellationTokenSource ending)
    {
        try
        {
            await run(record, ending.Token);
        }
        catch
        {
            await ending.CancelAsync();
            throw;
        }
    }
}
