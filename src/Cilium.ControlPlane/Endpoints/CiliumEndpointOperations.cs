using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Carries this node's CiliumEndpoints to the API server.</summary>
internal sealed class CiliumEndpointOperations(IReadTable<NamespacedName, CiliumEndpointRow> present, CiliumEndpointWriter writer, LocalNodeRow self)
    : IReconcilerOperations<NamespacedName, CiliumEndpointContent>
{
    private const int Parallel = 8;

    public async ValueTask ApplyAsync(ReconcileBatch<NamespacedName, CiliumEndpointContent> batch, CancellationToken cancellationToken)
    {
        var failures = new System.Collections.Concurrent.ConcurrentDictionary<NamespacedName, Exception>();
        await System.Threading.Tasks.Parallel.ForEachAsync(
            batch.Changes,
            new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken },
            async (change, token) =>
            {
                try
                {
                    await ApplyAsync(change, token).ConfigureAwait(false);
                }
                catch (Exception exception) when (exception is KubernetesException or HttpRequestException or TimeoutException or IOException)
                {
                    failures[change.Key] = exception;
                }
            }).ConfigureAwait(false);
        foreach (var (key, exception) in failures)
        {
            batch.Fail(key, exception);
        }
    }

    public async ValueTask PruneAsync(TableSnapshot<NamespacedName, CiliumEndpointContent> desired, CancellationToken cancellationToken)
    {
        var surplus = present.Snapshot().Values.Where(row => IsOurs(row) && !desired.TryGet(row.Key, out _)).ToList();
        var failures = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
        await System.Threading.Tasks.Parallel.ForEachAsync(
            surplus,
            new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken },
            async (row, token) =>
            {
                try
                {
                    await writer.DeleteAsync(row.Key, row.Uid, token).ConfigureAwait(false);
                }
                catch (Exception exception) when (exception is KubernetesException or HttpRequestException or TimeoutException or IOException)
                {
                    failures.Enqueue(exception);
                }
            }).ConfigureAwait(false);
        if (failures.TryPeek(out var first))
        {
            throw new IOException($"{failures.Count} of {surplus.Count} CiliumEndpoints without an endpoint were not deleted: {first.Message}", first);
        }
    }

    private async ValueTask ApplyAsync(TableChange<NamespacedName, CiliumEndpointContent> change, CancellationToken cancellationToken)
    {
        var isKnown = present.TryGet(change.Key, out var row);
        if (change.Current is { } content)
        {
            await writer.ApplyAsync(content, isKnown, cancellationToken).ConfigureAwait(false);
        }
        else if (!isKnown || IsOurs(row!))
        {
            // A pod of the same name may live on another node by now; its object is not ours to delete.
            await writer.DeleteAsync(change.Key, row?.Uid ?? "", cancellationToken).ConfigureAwait(false);
        }
    }

    private bool IsOurs(CiliumEndpointRow row) => row.NodeIP == self.IPv4 || row.NodeIP == self.IPv6;
}
