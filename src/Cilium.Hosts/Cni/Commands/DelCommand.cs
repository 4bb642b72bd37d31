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
internal sealed class DelCommand(Func<TimeSpan, AgentClient> connect, TimeSpan patience, IPodNetwork network, DeletionQueue queue)
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

        // The agent may have read the queue just before: then it answers now.
        var queued = queue.Enqueue(request);
        if (await TryDeleteAsync(request, patience / 3, cancellationToken).ConfigureAwait(false))
        {
            DeletionQueue.Remove(queued);
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
            // Away, or starting.
            return false;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // It hangs. What it may still do of the request does no harm: a deletion may come twice.
            return false;
        }
    }
}
