using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Nodes;

/// <summary>Registers a node and keeps its conditions: it is ready when a CNI configuration is there.</summary>
internal sealed class NodeStatus(NodeServices services)
{
    private const string NoNetwork = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized";
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan SettledPoll = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LeaseInterval = TimeSpan.FromSeconds(10);

    public static JsonObject Definition(string node, bool isControlPlane)
    {
        var labels = new JsonObject
        {
            ["beta.kubernetes.io/arch"] = "amd64",
            ["beta.kubernetes.io/os"] = "linux",
            ["kubernetes.io/arch"] = "amd64",
            ["kubernetes.io/hostname"] = node,
            ["kubernetes.io/os"] = "linux",
        };
        if (isControlPlane) labels["node-role.kubernetes.io/control-plane"] = "";
        return new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = node, ["labels"] = labels },
            ["spec"] = new JsonObject { ["providerID"] = $"lab://{node}" },
        };
    }

    public async Task RunAsync(CancellationToken cancel)
    {
        var clock = services.State.Clock;
        var lastLease = long.MinValue;
        bool? wasReady = null;
        using var timer = new PeriodicTimer(Poll, clock);
        try
        {
            do
            {
                var ready = services.Cni.FindConfiguration() is not null;
                if (ready != wasReady)
                {
                    Report(ready);
                    // Pods wait for a node to become ready; nobody waits for the contrary, and looking costs more than all else of a lab at rest.
                    timer.Period = ready ? SettledPoll : Poll;
                }

                wasReady = ready;
                if (lastLease != long.MinValue && clock.GetElapsedTime(lastLease) < LeaseInterval) continue;
                lastLease = clock.GetTimestamp();
                Renew();
            }
            while (await timer.WaitForNextTickAsync(cancel));
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return;
        }
    }

    private void Report(bool ready)
    {
        var now = services.State.Clock.Stamp();
        services.State.ChangeStatus(BuiltInKinds.Nodes, "", services.Node, status =>
        {
            var addresses = new JsonArray();
            foreach (var address in services.Addresses.All)
                addresses.Add((JsonNode)new JsonObject { ["type"] = "InternalIP", ["address"] = address.ToString() });
            addresses.Add((JsonNode)new JsonObject { ["type"] = "Hostname", ["address"] = services.Node });
            status["addresses"] = addresses;
            JsonObject Capacity() => new() { ["cpu"] = $"{Environment.ProcessorCount}", ["memory"] = "8Gi", ["pods"] = "250", ["ephemeral-storage"] = "100Gi" };
            status["capacity"] = Capacity();
            status["allocatable"] = Capacity();
            status["daemonEndpoints"] = new JsonObject { ["kubeletEndpoint"] = new JsonObject { ["Port"] = 10250 } };
            status["nodeInfo"] = new JsonObject
            {
                ["architecture"] = "amd64",
                ["bootID"] = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(),
                ["containerRuntimeVersion"] = "lab://0.1.0",
                ["kernelVersion"] = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
                ["kubeProxyVersion"] = "",
                ["kubeletVersion"] = "v1.32.0",
                ["machineID"] = services.Node,
                ["operatingSystem"] = "linux",
                ["osImage"] = "Cilium lab",
                ["systemUUID"] = services.Node,
            };
            Metadata.SetConditions(
                status,
                Metadata.Condition("MemoryPressure", false, "KubeletHasSufficientMemory", "kubelet has sufficient memory available", now),
                Metadata.Condition("DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure", now),
                Metadata.Condition("PIDPressure", false, "KubeletHasSufficientPID", "kubelet has sufficient PID available", now),
                ready
                    ? Metadata.Condition("Ready", true, "KubeletReady", "kubelet is posting ready status", now)
                    : Metadata.Condition("Ready", false, "KubeletNotReady", NoNetwork, now));
        });
    }

    private void Renew()
    {
        var now = services.State.Clock.MicroStamp();
        const string ns = "kube-node-lease";
        services.State.Ensure(BuiltInKinds.Leases, ns, new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = services.Node },
            ["spec"] = new JsonObject { ["holderIdentity"] = services.Node, ["leaseDurationSeconds"] = 40, ["renewTime"] = now },
        });
        services.State.Change(BuiltInKinds.Leases, ns, services.Node, lease => lease.Ensure("spec")["renewTime"] = now);
    }
}
