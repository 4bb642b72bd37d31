using Cilium.Bpf;

namespace Cilium.ControlPlane.Agent;

/// <summary>Gives memory back when the agent is quiet: an agent at rest would keep the garbage of its last busy minute for hours.</summary>
internal sealed class IdleMemory(TimeProvider time) : IAgentLoop
{
    private const long WorthCollectingBytes = 4 << 20;
    private const long QuietBytes = 1 << 20;
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(10);

    public string Name => "idle-memory";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        long collected = 0, seen = 0;
        while (true)
        {
            await Task.Delay(s_look, time, cancellationToken).ConfigureAwait(false);
            var allocated = GC.GetTotalAllocatedBytes(precise: false);
            if (allocated - seen < QuietBytes && allocated - collected > WorthCollectingBytes)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                // What the collector gave back to the kernel it takes again in small pages.
                HeapPages.Enlarge();
                collected = allocated;
            }

            seen = allocated;
        }
    }
}
