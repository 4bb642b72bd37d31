using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>Finds identities that no CiliumEndpoint uses: marks them first, and deletes those whose mark is old enough.</summary>
/// <remarks>An agent that takes up a marked identity removes the mark, and a deletion is refused by the server when the mark is gone.</remarks>
internal sealed partial class IdentityCollector(
    IReadTable<Identity, CiliumIdentityRow> identities,
    IReadTable<NamespacedName, CiliumEndpointRow> endpoints,
    CiliumIdentityWriter writer,
    TimeSpan timeout,
    OperatorMetrics metrics,
    TimeProvider time,
    ILogger logger)
{
    /// <summary>Looks once at all identities.</summary>
    public async Task CollectAsync(CancellationToken cancellationToken)
    {
        // A silent source must not look like an empty one.
        if (!identities.IsInitialized || !endpoints.IsInitialized)
        {
            return;
        }

        var used = endpoints.Snapshot().Values.Select(endpoint => endpoint.Identity).ToHashSet();
        int alive = 0, deleted = 0;
        foreach (var row in identities.Snapshot().Values)
        {
            var isUsed = used.Contains(row.Id);
            alive += isUsed ? 1 : 0;
            if (await CollectedObject.TryAsync("CiliumIdentity", $"{row.Id.Value}", () => LookAsync(row, isUsed, cancellationToken), logger) == true)
            {
                deleted++;
                LogDeleted(logger, row.Id.Value, row.Labels.ToString());
            }
        }

        metrics.IdentitiesCollected(alive, deleted);
    }

    /// <returns>True when it was deleted.</returns>
    private async Task<bool> LookAsync(CiliumIdentityRow row, bool isUsed, CancellationToken cancellationToken)
    {
        if (isUsed)
        {
            if (row.UnusedSince.Length > 0)
            {
                await writer.UnmarkAsync(row.Id, cancellationToken);
            }

            return false;
        }

        if (!CiliumIdentityWriter.TryReadMark(row.UnusedSince, out var since))
        {
            await writer.MarkUnusedAsync(row.Id, time.GetUtcNow(), cancellationToken);
            return false;
        }

        return time.GetUtcNow() - since >= timeout && await writer.DeleteMarkedAsync(row.Id, row.UnusedSince, cancellationToken);
    }

    [LoggerMessage(1, LogLevel.Information, "Deleted the unused identity {Identity} ({Labels})")]
    private static partial void LogDeleted(ILogger logger, uint identity, string labels);
}
