using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Ipam;

/// <summary>Mode multi-pool on a node: CIDRs come from the CiliumNode, and needs and CIDRs kept go there.</summary>
/// <remarks>Until the endpoints of the last run are restored nothing is let go: their addresses look free.</remarks>
internal sealed partial class NodePoolLoop(
    AgentTables tables, AgentOptions options, MultiPoolIpam ipam, CiliumNodeWriter writer, TimeProvider time, ILogger<NodePoolLoop> logger) : IAgentLoop
{
    // Pods that come together make one write.
    private static readonly TimeSpan s_gather = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(30);
    private readonly TaskCompletionSource _restored = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string _writtenOver = "";
    private string _holder = "";
    private IReadOnlyList<PoolCidrs> _held = [];

    public string Name => "multi-pool";

    /// <summary>Says that every address of the last run is taken again.</summary>
    public void Restored() => _restored.TrySetResult();

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await tables.Kubernetes.CiliumNodes.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        using var nodes = tables.Kubernetes.CiliumNodes.Subscribe();
        using var pools = tables.Kubernetes.PodIPPools.Subscribe();
        var demand = Task.CompletedTask;
        var wakeup = new Wakeup(time, nodes.WaitAsync, pools.WaitAsync, _ => demand);
        var restored = new Wakeup(time, _ => _restored.Task, nodes.WaitAsync);
        while (true)
        {
            demand = ipam.WhenDemandChanges;
            nodes.Drain();
            pools.Drain();
            var isDone = await TryReconcileAsync(cancellationToken).ConfigureAwait(false);
            await Task.Delay(s_gather, time, cancellationToken).ConfigureAwait(false);
            await (_restored.Task.IsCompleted ? wakeup : restored).WaitAsync(isDone ? s_lookAgain : s_retry, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <returns>False when the write failed and must be tried again.</returns>
    private async Task<bool> TryReconcileAsync(CancellationToken cancellationToken)
    {
        if (!tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var row) || row.ResourceVersion == _writtenOver)
        {
            return true;
        }

        var held = HeldOf(row);
        ipam.SetAllocated(held, _restored.Task.IsCompleted ? DrainedPools.Of(row with { AllocatedPools = held.ToEquatableArray() }, tables) : null);
        if (!_restored.Task.IsCompleted && ipam.IsReady)
        {
            return true;
        }

        var kept = _restored.Task.IsCompleted ? ipam.Keep() : held;
        var demands = ipam.Demands();
        if (AreEqual(kept, row.AllocatedPools, pool => pool.Pool) && AreEqual(demands, row.RequestedPools, demand => demand.Pool))
        {
            return true;
        }

        try
        {
            var isWritten = await writer.SetPoolsAsync(row, demands, kept, cancellationToken).ConfigureAwait(false);
            _writtenOver = isWritten ? row.ResourceVersion : "";
            return isWritten;
        }
        catch (Exception exception) when (exception is KubernetesException or HttpRequestException or TimeoutException or IOException)
        {
            LogFailed(logger, exception.Message);
            return false;
        }
    }

    /// <summary>
    /// What the CiliumNode lists. One made anew has let go of nothing: what its predecessor listed is ours until it is written there, for an operator
    /// without memory of it would give it to another node.
    /// </summary>
    private IReadOnlyList<PoolCidrs> HeldOf(CiliumNodeRow row)
    {
        IReadOnlyList<PoolCidrs> listed = [.. row.AllocatedPools];
        if (_holder.Length > 0 && row.Uid != _holder)
        {
            var pools = _held.Concat(listed).ToLookup(pool => pool.Pool, pool => pool.Cidrs);
            IReadOnlyList<PoolCidrs> all = [.. pools.Select(pool => new PoolCidrs(pool.Key, pool.SelectMany(cidrs => cidrs).Distinct().ToEquatableArray()))];
            var missing = all.SelectMany(pool => pool.Cidrs).Except(row.AllPodCidrs).ToList();
            if (missing.Count > 0)
            {
                LogKept(logger, string.Join(", ", missing));
                return all;
            }
        }

        (_holder, _held) = (row.Uid, listed);
        return listed;
    }

    private static bool AreEqual<T>(IEnumerable<T> one, IEnumerable<T> other, Func<T, string> name) =>
        one.OrderBy(name, StringComparer.Ordinal).SequenceEqual(other.OrderBy(name, StringComparer.Ordinal));

    [LoggerMessage(1, LogLevel.Warning, "Writing the pools of the CiliumNode failed: {Reason}")]
    private static partial void LogFailed(ILogger logger, string reason);

    [LoggerMessage(2, LogLevel.Warning, "The CiliumNode was made anew without {Cidrs}, which this node holds")]
    private static partial void LogKept(ILogger logger, string cidrs);
}
