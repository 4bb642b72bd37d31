using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Carries out at start the deletions that the plugin queued while no agent answered.</summary>
internal sealed partial class DeletionReplay(AgentOptions options, EndpointRegistry registry, TimeProvider time, ILogger<DeletionReplay> logger)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Replays, and calls <paramref name="accept"/> before the queue is unlocked, so that no deletion falls between the two.</summary>
    public async Task RunAsync(Action accept, CancellationToken cancellationToken)
    {
        var queue = new DeletionQueue(DeletionQueue.DirectoryBelow(Path.GetDirectoryName(options.EffectiveSocketPath)!));
        using var held = await queue.LockAsync(s_patience, time, cancellationToken).ConfigureAwait(false);
        foreach (var (path, request) in queue.Read())
        {
            if (request?.ContainerId is { Length: > 0 } container)
            {
                var removed = registry.Delete(row => row.ContainerId == container);
                LogReplayed(logger, container, removed.Count);
            }
            else
            {
                LogUnreadable(logger, path);
            }

            DeletionQueue.Remove(path);
        }

        accept();
    }

    [LoggerMessage(1, LogLevel.Information, "Queued deletion of container {Container}: {Count} endpoints")]
    private static partial void LogReplayed(ILogger logger, string container, int count);

    [LoggerMessage(2, LogLevel.Warning, "The queued deletion {Path} cannot be read and is dropped")]
    private static partial void LogUnreadable(ILogger logger, string path);
}
