using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Carries this node's CiliumEndpoints to the API server.</summary>
/// <remarks>
/// A pod of the same name may live on another node by now: a StatefulSet makes one anew while the former's node is not there to end it. Its object
/// is that node's to write and to delete, and ours only once the pod is here.
/// </remarks>
internal sealed class CiliumEndpointOperations(
    IReadTable<NamespacedName, CiliumEndpointRow> present, IReadTable<NamespacedName, PodRow> pods, CiliumEndpointWriter writer, LocalNodeRow self)
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
                catch (Exception exception) when (exception is KubernetesException or HttpRequestException or TimeoutException or IOException or EndpointException)
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

    private ValueTask ApplyAsync(TableChange<NamespacedName, CiliumEndpointContent> change, CancellationToken cancellationToken) =>
        change.Current is { } content ? WriteAsync(content, cancellationToken) : DeleteAsync(change.Key, cancellationToken);

    private async ValueTask WriteAsync(CiliumEndpointContent content, CancellationToken cancellationToken)
    {
        if ((present.TryGet(content.Key, out var seen) && await TryChangeAsync(seen, content, cancellationToken).ConfigureAwait(false))
            || await writer.CreateAsync(content, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        // The watch has not told of it yet.
        if (await writer.ReadAsync(content.Key, cancellationToken).ConfigureAwait(false) is not { } row
            || !await TryChangeAsync(row, content, cancellationToken).ConfigureAwait(false))
        {
            throw new EndpointException(409, $"CiliumEndpoint {content.Key} was deleted while it was written");
        }
    }

    private Task<bool> TryChangeAsync(CiliumEndpointRow row, CiliumEndpointContent content, CancellationToken cancellationToken) =>
        IsOurs(row) || HasPod(content)
            ? writer.ChangeAsync(content, row.Uid, cancellationToken)
            : throw new EndpointException(409, $"CiliumEndpoint {content.Key} is of node {row.NodeIP}, and pod {content.PodUid} is not known here");

    private async ValueTask DeleteAsync(NamespacedName key, CancellationToken cancellationToken)
    {
        var row = present.TryGet(key, out var seen) ? seen : await writer.ReadAsync(key, cancellationToken).ConfigureAwait(false);
        if (row is not null && IsOurs(row))
        {
            await writer.DeleteAsync(key, row.Uid, cancellationToken).ConfigureAwait(false);
        }
    }

    private bool HasPod(CiliumEndpointContent content) => pods.TryGet(content.Key, out var pod) && pod.Uid == content.PodUid;

    // A node of one family has no address of the other, as an object that names no node has none.
    private bool IsOurs(CiliumEndpointRow row) => !row.NodeIP.IsNone && (row.NodeIP == self.IPv4 || row.NodeIP == self.IPv6);
}
