using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Nodes;
using Cilium.Core;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Removes endpoints whose DEL never came: the device is gone twice in a row, or the restored pod does not exist.</summary>
internal sealed partial class EndpointCollector(
    AgentTables tables, AgentOptions options, EndpointRegistry registry, ILocalDevices devices, TimeProvider time, ILogger<EndpointCollector> logger)
    : IAgentLoop
{
    private HashSet<EndpointId> _suspects = [];

    public string Name => "endpoint-gc";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await tables.Kubernetes.Pods.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        ConfirmRestored();
        while (true)
        {
            Collect();
            await Task.Delay(options.EndpointGcInterval, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private void ConfirmRestored()
    {
        foreach (var row in tables.Endpoints.Snapshot().Values.Where(row => row.IsRestored))
        {
            var isKnown = row.PodName.Length == 0
                || (tables.Kubernetes.Pods.TryGet(row.Pod, out var pod) && (row.PodUid.Length == 0 || pod.Uid == row.PodUid));
            if (isKnown)
            {
                registry.Confirm(row.Id);
            }
            else
            {
                LogCollected(logger, row.Id, row.Owner, "its pod is gone");
                registry.Delete(other => other.Id == row.Id);
            }
        }
    }

    private void Collect()
    {
        var suspects = new HashSet<EndpointId>();
        var present = devices.All();
        foreach (var row in tables.Endpoints.Snapshot().Values)
        {
            if (present.GetValueOrDefault(row.InterfaceIndex) == row.InterfaceName)
            {
                continue;
            }

            if (_suspects.Contains(row.Id))
            {
                LogCollected(logger, row.Id, row.Owner, $"its device {row.InterfaceName} is gone");
                registry.Delete(other => other.Id == row.Id);
            }
            else
            {
                suspects.Add(row.Id);
            }
        }

        _suspects = suspects;
    }

    [LoggerMessage(1, LogLevel.Warning, "Endpoint {Endpoint} of {Owner} is collected: {Reason}")]
    private static partial void LogCollected(ILogger logger, EndpointId endpoint, string owner, string reason);
}
