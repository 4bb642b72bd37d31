using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>Deletes CiliumEndpoints whose pod is gone, replaced by another of the same name, or finished.</summary>
internal sealed partial class EndpointCollector(
    IReadTable<NamespacedName, CiliumEndpointRow> endpoints,
    IReadTable<NamespacedName, PodRow> pods,
    CiliumEndpointWriter writer,
    OperatorMetrics metrics,
    ILogger logger)
{
    /// <summary>Looks once at all CiliumEndpoints; the tables only raise suspicion, the server is asked before anything is deleted.</summary>
    public async Task CollectAsync(CancellationToken cancellationToken)
    {
        if (!endpoints.IsInitialized || !pods.IsInitialized)
        {
            return;
        }

        var present = pods.Snapshot();
        foreach (var row in endpoints.Snapshot().Values)
        {
            var isAlive = present.TryGet(row.Key, out var pod) && !pod.IsFinished && (row.PodUid.Length == 0 || row.PodUid == pod.Uid);
            if (!isAlive && await CollectedObject.TryAsync("CiliumEndpoint", row.Key.ToString(), () => writer.DeleteOrphanAsync(row, cancellationToken), logger) == true)
            {
                metrics.EndpointCollected();
                LogDeleted(logger, row.Key.ToString());
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Deleted the CiliumEndpoint {Endpoint}, whose pod is gone")]
    private static partial void LogDeleted(ILogger logger, string endpoint);
}
