using Cilium.Bpf;
using Cilium.Core.Tables;

namespace Cilium.ControlPlane.Agent;

/// <summary>Gives back what a busy minute took when the agent is quiet: garbage, which it would keep for hours, and threads that find nothing to do.</summary>
internal sealed class IdleResources(StateStore store, TimeProvider time) : IAgentLoop
{
    private const long WorthCollectingBytes = 4 << 20;
    private const long QuietBytes = 1 << 20;
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(10);
    private readonly PoolThreads _threads = new();

    public string Name => "idle-resources";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // What changes in a table is the beginning of work, of which some may take long; it is not to wait for the next look.
        store.Written += _threads.Spread;
        try
        {
            await LookAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            store.Written -= _threads.Spread;
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        long collected = 0, seen = 0;
        while (true)
        {
            await time.DelayToTickAsync(s_look, cancellationToken).ConfigureAwait(false);
            var allocated = GC.GetTotalAllocatedBytes(precise: false);
            var isQuiet = allocated - seen < QuietBytes;
            seen = allocated;
            if (!isQuiet)
            {
                _threads.Spread();
                continue;
            }

            _threads.Settle();
            if (allocated - collected > WorthCollectingBytes)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                // What the collector gave back to the kernel it takes again in small pages.
                HeapPages.Enlarge();
                collected = allocated;
            }
        }
    }
}
