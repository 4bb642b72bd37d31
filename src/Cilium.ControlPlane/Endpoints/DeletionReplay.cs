using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Carries out the deletions that the plugin queued while no agent answered: at start, and from time to time for an agent that was only slow.</summary>
internal sealed partial class DeletionReplay(
    AgentTables tables, AgentOptions options, EndpointRegistry registry, TimeProvider time, ILogger<DeletionReplay> logger)
    : IAgentLoop
{
    // At rest it costs one look into a folder.
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(30);
    private readonly DeletionQueue _queue = new(DeletionQueue.DirectoryBelow(Path.GetDirectoryName(options.EffectiveSocketPath)!));

    public string Name => "deletion-queue";

    /// <summary>At start: replays, calls <paramref name="accept"/>, after which plugins are answered, and replays what came between the two.</summary>
    public void Run(Action accept)
    {
        // Of the last run; a sandbox that is attached anew from now on is none of those whose deletion waits.
        var former = tables.Endpoints.Snapshot().Values.Select(row => row.Id).ToHashSet();
        Replay((row, _) => former.Contains(row.Id));
        accept();
        Replay((row, _) => former.Contains(row.Id));
    }

    /// <summary>Replays every now and then: a plugin that found the agent too slow leaves a deletion behind that no start is there for.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await time.DelayToTickAsync(s_interval, cancellationToken).ConfigureAwait(false);
            try
            {
                // A sandbox that was attached anew after its deletion stays.
                Replay(static (row, queuedAt) => row.CreatedAt < queuedAt);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                LogFailed(logger, exception.Message);
            }
        }
    }

    private void Replay(Func<LocalEndpointRow, DateTimeOffset, bool> isMeant)
    {
        foreach (var (path, request) in _queue.Read())
        {
            if (request?.ContainerId is { Length: > 0 } container)
            {
                // A file that the plugin has taken back is of the year 1601.
                var queuedAt = new DateTimeOffset(File.GetLastWriteTimeUtc(path));
                var removed = registry.Delete(row => row.ContainerId == container && isMeant(row, queuedAt));
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

    [LoggerMessage(3, LogLevel.Warning, "Queued deletions cannot be carried out, trying again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string reason);
}
