using Cilium.Api;
using Cilium.Hosts.Cni.Devices;
using Cilium.Hosts.Cni.Spec;

namespace Cilium.Hosts.Cni.Commands;

/// <summary>CHECK: the device has what ADD gave it, and the agent's endpoint is well.</summary>
internal sealed class CheckCommand(AgentClient agent, IPodNetwork network)
{
    public async Task RunAsync(CniArguments arguments, NetworkConfiguration configuration, CancellationToken cancellationToken)
    {
        if (configuration.PreviousResult.Length == 0)
        {
            throw new CniException(CniErrorCode.InvalidConfiguration, "CHECK needs prevResult");
        }

        var previous = CniResult.Parse(configuration.PreviousResult);
        var index = -1;
        for (var i = 0; i < previous.Interfaces.Count; i++)
        {
            if (previous.Interfaces[i] is { Sandbox.Length: > 0 } device && device.Name == arguments.InterfaceName)
            {
                index = i;
            }
        }

        if (index < 0)
        {
            throw new CniException(CniErrorCode.InvalidConfiguration, $"prevResult has no interface {arguments.InterfaceName} in a sandbox");
        }

        var addresses = previous.Addresses.Where(entry => entry.InterfaceIndex == index).Select(entry => entry.Address).ToList();
        var routes = previous.Routes.Select(entry => (entry.Destination, entry.Gateway)).ToList();
        if (network.Check(arguments.NetworkNamespace, arguments.InterfaceName, addresses, routes) is { } reason)
        {
            throw new CniException(CniErrorCode.CheckFailed, reason);
        }

        try
        {
            var health = await agent.GetEndpointHealthAsync(
                $"cni-attachment-id:{arguments.ContainerId}:{arguments.InterfaceName}", cancellationToken).ConfigureAwait(false);
            if (health.OverallHealth is "Failure")
            {
                throw new CniException(CniErrorCode.CheckFailed, $"the endpoint's health is {health.OverallHealth}");
            }
        }
        catch (ApiException exception) when (exception.StatusCode == 404)
        {
            throw new CniException(CniErrorCode.UnknownContainer, "the agent has no endpoint for this container", exception.Reason, exception);
        }
    }
}
