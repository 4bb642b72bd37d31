using Cilium.Api;
using Cilium.Hosts.Cni.Agent;
using Cilium.Hosts.Cni.Devices;
using Cilium.Hosts.Cni.Spec;

namespace Cilium.Hosts.Cni.Commands;

/// <summary>
/// DEL: the endpoint and its device go. Doing it twice is success; with the agent away or silent the endpoint's deletion is queued. The device goes
/// also when the agent refuses, which is told afterwards: the runtime tries again.
/// </summary>
/// <param name="connect">Makes a client that waits for at most a time.</param>
/// <param name="patience">How long all of it may take.</param>
/// <param name="network">The devices.</param>
/// <param name="queue">Where deletions wait for the agent.</param>
/// <param name="time">The clock.</param>
internal sealed class DelCommand(Func<TimeSpan, AgentClient> connect, TimeSpan patience, IPodNetwork network, DeletionQueue queue, TimeProvider time)
{
    public async Task RunAsync(CniArguments arguments, CancellationToken cancellationToken)
    {
        try
        {
            await DeleteEndpointAsync(new EndpointBatchDeleteRequest { ContainerId = arguments.ContainerId }, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            network.Delete(PodDevice.HostNameOf(arguments.ContainerId, arguments.InterfaceName));
        }
    }

    private async Task DeleteEndpointAsync(EndpointBatchDeleteRequest request, CancellationToken cancellationToken)
    {
        if (await TryDeleteAsync(request, patience / 3, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        // The agent may start while we wait for the lock, and replay the queue before we write: so it is asked again under the lock. Shortly, for
        // others wait for the lock while an agent that hangs does not answer.
        using var held = await queue.LockAsync(patience / 3, time, cancellationToken).ConfigureAwait(false);
        if (!await TryDeleteAsync(request, patience / 15, cancellationToken).ConfigureAwait(false))
        {
            queue.Enqueue(request);
        }
    }

    private async Task<bool> TryDeleteAsync(EndpointBatchDeleteRequest request, TimeSpan limit, CancellationToken cancellationToken)
    {
        try
        {
            using var agent = connect(limit);
            await new AgentRequests(agent).DeleteEndpointsAsync(request, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (ApiException exception) when (exception.StatusCode == 404)
        {
            return true;
        }
        catch (Exception exception) when (exception is AgentUnavailableException or ApiException { StatusCode: 503 })
        {
            // Away, or starting: under the lock it is either still silent, or has replayed the queue and answers.
            return false;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // It hangs. What it may still do of the request does no harm: a deletion may come twice.
            return false;
        }
    }
}
