using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Nodes;
using Cilium.Core;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Removes endpoints whose DEL never came: the device is gone twice in a row. Confirms restored endpoints whose pod is known.</summary>
/// <remarks>
/// A pod that the API server does not tell of may still run: a list may be older than the pod, and a kubelet may be cut off. While its device is there its
/// address is not given to another.
/// </remarks>
internal sealed partial class EndpointCollector(
    AgentTables tables, AgentOptions options, EndpointRegistry registry, ILocalDevices devices, TimeProvider time, ILogger<EndpointCollector> logger)
    : IAgentLoop
{
    private readonly HashSet<EndpointId> _unknown = [];
    private HashSet<EndpointId> _suspects = [];

    public string Name => "endpoint-gc";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await tables.Kubernetes.Pods.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        while (true)
        {
            ConfirmRestored();
            Collect();
            await Task.Delay(options.EndpointGcInterval, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private void ConfirmRestored()
    {
        foreach (var row in tables.Endpoints.Snapshot().Values.Where(row => row.IsRestored))
        {
            if (row.PodName.Length == 0 || (tables.Kubernetes.Pods.TryGet(row.Pod, out var pod) && pod.HasUid(row.PodUid)))
            {
                registry.Confirm(row.Id);
            }
            else if (_unknown.Add(row.Id))
            {
                LogUnknown(logger, row.Id, row.Owner);
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
                LogCollected(logger, row.Id, row.Owner, row.InterfaceName);
                registry.Delete(other => other.Id == row.Id);
            }
            else
            {
                suspects.Add(row.Id);
            }
        }

        _suspects = suspects;
    }

    [LoggerMessage(1, LogLevel.Warning, "Endpoint {Endpoint} of {Owner} is collected: its device {Device} is gone")]
    private static partial void LogCollected(ILogger logger, EndpointId endpoint, string owner, string device);

    [LoggerMessage(2, LogLevel.Warning, "The API server knows no pod {Owner} of the restored endpoint {Endpoint}: it stays as long as its device does")]
    private static partial void LogUnknown(ILogger logger, EndpointId endpoint, string owner);
}
