using Cilium.Api;
using Cilium.Hosts.Cni.Agent;
using Cilium.Hosts.Cni.Devices;
using Cilium.Hosts.Cni.Spec;

namespace Cilium.Hosts.Cni.Commands;

/// <summary>DEL: the endpoint and its device go. Doing it twice is success; with the agent away the endpoint's deletion is queued.</summary>
internal sealed class DelCommand(AgentClient agent, IPodNetwork network, DeletionQueue queue, TimeProvider time)
{
    private static readonly TimeSpan _lockPatience = TimeSpan.FromSeconds(10);
    private readonly AgentRequests _requests = new(agent);

    public async Task RunAsync(CniArguments arguments, CancellationToken cancellationToken)
    {
        var request = new EndpointBatchDeleteRequest { ContainerId = arguments.ContainerId };
        if (!await TryDeleteAsync(request, cancellationToken).ConfigureAwait(false))
        {
            // The agent may start while we wait for the lock, and replay the queue before we write: so it is asked again under the lock.
            using var held = await queue.LockAsync(_lockPatience, time, cancellationToken).ConfigureAwait(false);
            if (!await TryDeleteAsync(request, cancellationToken).ConfigureAwait(false))
            {
                queue.Enqueue(request);
            }
        }

        network.Delete(PodDevice.HostNameOf(arguments.ContainerId, arguments.InterfaceName));
    }

    private async Task<bool> TryDeleteAsync(EndpointBatchDeleteRequest request, CancellationToken cancellationToken)
    {
        try
        {
            await _requests.DeleteEndpointsAsync(request, cancellationToken).ConfigureAwait(false);
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
    }
}
