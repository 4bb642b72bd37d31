using Cilium.Api;
using Cilium.Hosts.Cni.Devices;
using Cilium.Hosts.Cni.Spec;
using Cilium.Netlink;

namespace Cilium.Hosts.Cni.Commands;

/// <summary>GC: endpoints of attachments that the runtime no longer knows go, with their devices.</summary>
internal sealed class GcCommand(AgentClient agent, IPodNetwork network)
{
    /// <summary>Removes all it can.</summary>
    /// <exception cref="AggregateException">What failed meanwhile, one for each attachment.</exception>
    public async Task RunAsync(NetworkConfiguration configuration, CancellationToken cancellationToken)
    {
        // Without the list every pod would lose its network.
        var attachments = configuration.ValidAttachments
            ?? throw new CniException(CniErrorCode.InvalidConfiguration, "GC needs 'cni.dev/valid-attachments'");
        var valid = attachments.Select(entry => $"{entry.ContainerId}:{entry.InterfaceName}").ToHashSet();
        var failures = new List<Exception>();
        foreach (var endpoint in await agent.GetEndpointsAsync(cancellationToken).ConfigureAwait(false))
        {
            // An endpoint without an attachment is none of the runtime's.
            if (endpoint.Status?.ExternalIdentifiers?.CniAttachmentId is not { Length: > 0 } attachment || valid.Contains(attachment))
            {
                continue;
            }

            try
            {
                await RemoveAsync(attachment, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is ApiException or AgentUnavailableException or OperationCanceledException or NetlinkException)
            {
                // One attachment must not keep the others.
                failures.Add(exception);
            }
        }

        if (failures.Count > 0)
        {
            throw new AggregateException(failures);
        }
    }

    private async Task RemoveAsync(string attachment, CancellationToken cancellationToken)
    {
        try
        {
            await agent.DeleteEndpointAsync($"cni-attachment-id:{attachment}", cancellationToken).ConfigureAwait(false);
        }
        catch (ApiException exception) when (exception.StatusCode == 404)
        {
            // Gone meanwhile, which is what was wanted; its device may still be there.
            await Console.Error.WriteLineAsync($"{attachment} was gone already").ConfigureAwait(false);
        }
        finally
        {
            // As DEL does: the device goes also when the agent refuses.
            var colon = attachment.LastIndexOf(':');
            network.Delete(PodDevice.HostNameOf(attachment[..colon], attachment[(colon + 1)..]));
        }
    }
}
