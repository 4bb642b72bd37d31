using Cilium.Core;
using Cilium.Kubernetes;
using Cilium.Policy;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Identities;

/// <summary>Identities from the API server, asked again until it answers.</summary>
/// <remarks>Who uses an identity is known from CiliumEndpoints, so giving one back needs no call: the operator collects what nobody uses.</remarks>
internal sealed partial class ClusterIdentityAllocator(CrdIdentityAllocator allocator, TimeProvider time, ILogger<ClusterIdentityAllocator> logger)
    : IIdentityAllocator
{
    private static readonly TimeSpan s_firstWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(5);

    public ValueTask<Identity> AllocateAsync(LabelSet labels, CancellationToken cancellationToken)
    {
        var attempt = allocator.AllocateAsync(labels, cancellationToken);
        return attempt.IsCompletedSuccessfully ? ValueTask.FromResult(attempt.Result) : new ValueTask<Identity>(RepeatAsync(attempt, labels, cancellationToken));
    }

    public ValueTask ReleaseAsync(Identity identity, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    private async Task<Identity> RepeatAsync(Task<Identity> attempt, LabelSet labels, CancellationToken cancellationToken)
    {
        for (var wait = s_firstWait; ; wait = wait * 2 < s_longestWait ? wait * 2 : s_longestWait)
        {
            try
            {
                return await attempt.ConfigureAwait(false);
            }
            catch (IdentityAllocationException exception)
            {
                LogRefused(logger, exception.Message);
            }

            await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
            attempt = allocator.AllocateAsync(labels, cancellationToken);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "No identity yet: {Reason}")]
    private static partial void LogRefused(ILogger logger, string reason);
}
