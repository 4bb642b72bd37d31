using Cilium.Api;
using Cilium.Hosts.Cni.Devices;
using Cilium.Hosts.Cni.Spec;

namespace Cilium.Hosts.Cni.Commands;

/// <summary>GC: endpoints of attachments that the runtime no longer knows go, with their devices.</summary>
internal sealed class GcCommand(AgentClient agent, IPodNetwork network)
{
    public async Task RunAsync(NetworkConfiguration configuration, CancellationToken cancellationToken)
    {
        // Without the list every pod would lose its network.
        var attachments = configuration.ValidAttachments
            ?? throw new CniException(CniErrorCode.InvalidConfiguration, "GC needs 'cni.dev/valid-attachments'");
        var valid = attachments.Select(entry => $"{entry.ContainerId}:{entry.InterfaceName}").ToHashSet();
        foreach (var endpoint in await agent.GetEndpointsAsync(cancellationToken).ConfigureAwait(false))
        {
            // An endpoint without an attachment is none of the runtime's.
            if (endpoint.Status?.ExternalIdentifiers?.CniAttachmentId is not { Length: > 0 } attachment || valid.Contains(attachment))
            {
                continue;
            }

            try
            {
                await agent.DeleteEndpointAsync($"cni-attachment-id:{attachment}", cancellationToken).ConfigureAwait(false);
            }
            catch (ApiException exception) when (exception.StatusCode == 404)
            {
                // Gone meanwhile, which is what was wanted; its device may still be there.
                await Console.Error.WriteLineAsync($"{attachment} was gone already").ConfigureAwait(false);
            }

            var colon = attachment.LastIndexOf(':');
            network.Delete(PodDevice.HostNameOf(attachment[..colon], attachment[(colon + 1)..]));
        }
    }
}
