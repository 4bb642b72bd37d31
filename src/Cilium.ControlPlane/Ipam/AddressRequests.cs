using Cilium.ControlPlane.Agent;
using Cilium.Ipam;

namespace Cilium.ControlPlane.Ipam;

/// <summary>Answers requests for addresses: chooses pools, and waits a moment for addresses that are on their way.</summary>
internal static class AddressRequests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Gives addresses, or says why not.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="request">What is wanted; its pools are what the caller named.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<NodeAddresses> AnswerAsync(AgentContext agent, AddressRequest request, CancellationToken cancellationToken)
    {
        if (agent.Ipam is not MultiPoolIpam ipam)
        {
            return agent.Ipam.Allocate(request);
        }

        if (request.IPv4Pool.Length == 0 && request.IPv6Pool.Length == 0)
        {
            var chosen = await new PodPools(agent.Tables, agent.Options, agent.Time).ChooseAsync(request, cancellationToken).ConfigureAwait(false);
            if (chosen is null)
            {
                return new NodeAddresses(AllocationStatus.NoRange, null, null, $"no CiliumPodIPPool selects {request.Owner}, and it must match one");
            }

            request = chosen.Value;
        }

        var began = agent.Time.GetTimestamp();
        while (true)
        {
            var arrival = ipam.WhenAddressesArrive;
            var answer = ipam.Allocate(request);
            var left = s_patience - agent.Time.GetElapsedTime(began);
            if (answer.Status != AllocationStatus.Pending || left <= TimeSpan.Zero)
            {
                return answer.IsOk ? answer : answer with { Message = answer.Message + Complaint(agent) };
            }

            using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(arrival, Task.Delay(left, agent.Time, timer.Token)).ConfigureAwait(false);
            await timer.CancelAsync().ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private static string Complaint(AgentContext agent) =>
        agent.Tables.Kubernetes.CiliumNodes.TryGet(agent.Options.NodeName, out var own) && own.OperatorError.Length > 0 ? $"; the operator says: {own.OperatorError}" : "";
}
