using Cilium.Core.Tables;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Clusters;

/// <summary>Waits until a cluster has come to rest, and moves its clock when only the clock is waited for.</summary>
/// <param name="kubernetes">The store of what agents know of the cluster.</param>
/// <param name="nodes">The nodes; they may become more.</param>
/// <param name="store">Where objects are kept.</param>
/// <param name="clock">The clock.</param>
internal sealed class Settling(StateStore kubernetes, IReadOnlyList<SimulatedNode> nodes, IClusterStore store, VirtualClock clock)
{
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    /// <summary>Waits until nothing is at work, nothing waits for a retry, and something holds.</summary>
    /// <exception cref="InvalidOperationException">A loop of an agent has failed, or ten minutes of the cluster's clock did not help.</exception>
    internal async Task UntilAsync(Func<bool> isDone, CancellationToken cancellationToken)
    {
        var end = clock.Elapsed + s_patience;
        var (same, last) = (0, -1L);
        while (true)
        {
            var progress = store.Progress;
            if (!IsQuiet(progress))
            {
                same = 0;
                await Task.Delay(1, cancellationToken).ConfigureAwait(false);
                continue;
            }
            if (Errors() == 0 && isDone())
                return;
            if (clock.Elapsed > end)
                throw new InvalidOperationException($"the cluster does not come to rest within {s_patience}: {Errors()} rows are refused; {store.Describe()}");
            same = progress == last ? same + 1 : 0;
            last = progress;
            if (same < store.Patience)
                await Task.Delay(1, cancellationToken).ConfigureAwait(false);
            else
                await StepAsync(s_step, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Lets time pass, in steps that leave everybody the time to do what falls due.</summary>
    internal async Task PassAsync(TimeSpan time, TimeSpan step, CancellationToken cancellationToken)
    {
        const int patience = 200;
        for (var end = clock.Elapsed + time; clock.Elapsed < end;)
        {
            await StepAsync(step, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < patience && !IsQuiet(store.Progress); i++)
                await Task.Delay(1, cancellationToken).ConfigureAwait(false);
        }
    }

    private bool IsQuiet(long progress)
    {
        var revision = kubernetes.Revision;
        return store.IsQuiet && kubernetes.IsQuiet && nodes.All(node => node.IsQuiet) && kubernetes.Revision == revision && store.IsQuiet && store.Progress == progress;
    }

    private int Errors() => nodes.Sum(node => node.ErrorCount);

    private async Task StepAsync(TimeSpan step, CancellationToken cancellationToken)
    {
        var (errors, progress) = (Errors(), store.Progress);
        clock.Advance(step);
        // What the clock has woken shows only when it has done something; a failure that stays is tried again.
        for (var i = 0; i < (errors > 0 ? 10 : 1) && Errors() == errors && store.Progress == progress; i++)
            await Task.Delay(1, cancellationToken).ConfigureAwait(false);
    }
}
