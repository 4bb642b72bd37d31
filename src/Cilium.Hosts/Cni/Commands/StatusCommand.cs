using Cilium.Api;
using Cilium.Hosts.Cni.Spec;

namespace Cilium.Hosts.Cni.Commands;

/// <summary>STATUS: whether an ADD would have a chance.</summary>
internal sealed class StatusCommand(AgentClient agent)
{
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            var status = await agent.GetStatusAsync(brief: true, cancellationToken).ConfigureAwait(false);
            if (status.Cilium is { State: not StatusStates.Ok } agentState)
            {
                throw new CniException(CniErrorCode.NotAvailable, "the agent is not ready", agentState.Msg ?? "");
            }
        }
        catch (Exception exception) when (exception is AgentUnavailableException or ApiException)
        {
            throw new CniException(CniErrorCode.NotAvailable, "the agent is not ready", exception.Message, exception);
        }
    }
}
