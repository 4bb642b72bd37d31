using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Nodes;

/// <summary>Writes what a node sees of a pod into its status.</summary>
internal sealed class PodStatusWriter(ClusterState state, string node)
{
    public void Write(JsonObject pod, IReadOnlyList<ContainerRecord> containers, IReadOnlyList<string> addresses, string containerId)
    {
        var now = state.Clock.Stamp();
        var main = containers.Where(container => !container.IsInit).ToList();
        var serving = containers.Where(container => !container.IsInit || container.IsSidecar).ToList();
        var initialized = containers.Where(container => container.IsInit).All(IsInitialized);
        var ready = serving.All(container => container.IsReady);
        state.ChangeStatus(BuiltInKinds.Pods, pod.Namespace(), pod.Name(), status =>
        {
            status["phase"] = Phase(pod, containers, main, initialized);
            status.Default("startTime", now);
            var host = HostAddresses();
            if (host.Count > 0)
            {
                status["hostIP"] = host[0];
                status["hostIPs"] = host.Select(ip => (JsonNode?)new JsonObject { ["ip"] = ip }).ToJsonArray();
            }

            if (addresses.Count > 0)
            {
                status["podIP"] = addresses[0];
                status["podIPs"] = addresses.Select(ip => (JsonNode?)new JsonObject { ["ip"] = ip }).ToJsonArray();
            }

            status["containerStatuses"] = main.Select(container => (JsonNode?)container.ToStatus(containerId)).ToJsonArray();
            if (containers.Count > main.Count)
                status["initContainerStatuses"] = containers.Where(c => c.IsInit).Select(container => (JsonNode?)container.ToStatus(containerId)).ToJsonArray();
            var waiting = string.Join(" ", serving.Where(container => !container.IsReady).Select(container => container.Name));
            var reason = ready ? "" : "ContainersNotReady";
            var message = ready ? "" : $"containers with unready status: [{waiting}]";
            Metadata.SetConditions(
                status,
                Metadata.Condition("PodReadyToStartContainers", addresses.Count > 0, "", "", now),
                Metadata.Condition("Initialized", initialized, initialized ? "" : "ContainersNotInitialized", "", now),
                Metadata.Condition("Ready", ready, reason, message, now),
                Metadata.Condition("ContainersReady", ready, reason, message, now),
                Metadata.Condition("PodScheduled", true, "", "", now));
        });
    }

    private static bool IsInitialized(ContainerRecord container) =>
        container.IsSidecar ? container.Started.IsCompleted : container is { Phase: ContainerPhase.Terminated, ExitCode: 0 };

    private static string Phase(JsonObject pod, IReadOnlyList<ContainerRecord> containers, List<ContainerRecord> main, bool initialized)
    {
        var policy = pod.TextOr("Always", "spec", "restartPolicy");
        if (!initialized)
        {
            var isOver = policy == "Never" && containers.Any(container => container is { IsInit: true, IsSidecar: false, Phase: ContainerPhase.Terminated, ExitCode: not 0 });
            return isOver ? "Failed" : "Pending";
        }

        if (policy != "Always" && main.All(container => container.Phase == ContainerPhase.Terminated))
        {
            if (main.All(container => container.ExitCode == 0)) return "Succeeded";
            if (policy == "Never") return "Failed";
        }

        return main.Any(container => container.Phase != ContainerPhase.Waiting || container.LastState is not null) ? "Running" : "Pending";
    }

    private List<string> HostAddresses() =>
        [.. (state.Store.Get(BuiltInKinds.Nodes, "", node)?.Json).Items("status", "addresses")
            .Where(address => address.Text("type") == "InternalIP").Select(address => address.TextOr("", "address"))];
}
