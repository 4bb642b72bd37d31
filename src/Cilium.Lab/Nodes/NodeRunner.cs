using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Nodes;

/// <summary>Runs the pods that are bound to one node and reports the node's state.</summary>
internal sealed class NodeRunner(NodeServices services)
{
    private readonly ConcurrentDictionary<string, (PodSupervisor Pod, Task Run)> pods = new();

    public string Node => services.Node;

    public PodWorker? Find(string uid) => pods.TryGetValue(uid, out var entry) ? entry.Pod.Worker : null;

    public async Task RunAsync(CancellationToken cancel)
    {
        var state = services.State;
        var feed = new PodFeed(state.Store, Node);
        await Task.WhenAll(
            new SteadyLoop($"the status of {Node}", new NodeStatus(services).RunAsync, state.Clock, state.Log).RunAsync(cancel),
            new SteadyLoop($"the pods of {Node}", token => feed.RunAsync(pod => Note(pod, token), End, token), state.Clock, state.Log).RunAsync(cancel));
        await Task.WhenAll([.. pods.Values.Select(entry => entry.Run)]);
        services.Dispose();
    }

    private void End(string uid)
    {
        if (pods.TryGetValue(uid, out var gone)) gone.Pod.End(0);
    }

    private void Note(JsonObject pod, CancellationToken cancel)
    {
        var uid = pod.Uid();
        if (!pods.TryGetValue(uid, out var entry))
        {
            if (pod.Text("status", "phase") is "Succeeded" or "Failed" && pod.IsDeleting() is false) return;
            var supervisor = new PodSupervisor(services, pod);
            entry = pods[uid] = (supervisor, SuperviseAsync(supervisor, uid, cancel));
        }

        if (pod.IsDeleting()) entry.Pod.End(pod.Number("metadata", "deletionGracePeriodSeconds") ?? 30);
    }

    private async Task SuperviseAsync(PodSupervisor supervisor, string uid, CancellationToken cancel)
    {
        await Task.Yield();
        try
        {
            await supervisor.RunAsync(cancel);
        }
        finally
        {
            pods.TryRemove(uid, out _);
            supervisor.Dispose();
        }
    }
}
