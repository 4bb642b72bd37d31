using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Carries out at start the deletions that the plugin queued while no agent answered.</summary>
internal sealed partial class DeletionReplay(AgentTables tables, AgentOptions options, EndpointRegistry registry, ILogger<DeletionReplay> logger)
{
    /// <summary>Replays, calls <paramref name="accept"/>, after which plugins are answered, and replays what came between the two.</summary>
    public void Run(Action accept)
    {
        var queue = new DeletionQueue(DeletionQueue.DirectoryBelow(Path.GetDirectoryName(options.EffectiveSocketPath)!));
        // Of the last run; a sandbox that is attached anew from now on is none of those whose deletion waits.
        var former = tables.Endpoints.Snapshot().Values.Select(row => row.Id).ToHashSet();
        Replay(queue, former);
        accept();
        Replay(queue, former);
    }

    private void Replay(DeletionQueue queue, HashSet<EndpointId> former)
    {
        foreach (var (path, request) in queue.Read())
        {
            if (request?.ContainerId is { Length: > 0 } container)
            {
                var removed = registry.Delete(row => row.ContainerId == container && former.Contains(row.Id));
                LogReplayed(logger, container, removed.Count);
            }
            else
            {
                LogUnreadable(logger, path);
            }

            DeletionQueue.Remove(path);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Queued deletion of container {Container}: {Count} endpoints")]
    private static partial void LogReplayed(ILogger logger, string container, int count);

    [LoggerMessage(2, LogLevel.Warning, "The queued deletion {Path} cannot be read and is dropped")]
    private static partial void LogUnreadable(ILogger logger, string path);
}
