using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Microsoft.Extensions.Logging;

namespace Cilium.Lab.Nodes;

/// <summary>Runs the pods that are bound to one node and reports the node's state.</summary>
internal sealed partial class NodeRunner(NodeServices services)
{
    private readonly ConcurrentDictionary<string, (PodWorker Worker, Task Run)> pods = new();

    public string Node => services.Node;

    public PodWorker? Find(string uid) => pods.TryGetValue(uid, out var entry) ? entry.Worker : null;

    public async Task RunAsync(CancellationToken cancel)
    {
        var status = new NodeStatus(services).RunAsync(cancel);
        try
        {
            await new PodFeed(services.State.Store, services.Node).RunAsync(pod => Note(pod, cancel), End, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            Log.Stopping(services.State.Log, services.Node);
        }

        await Task.WhenAll([.. pods.Values.Select(entry => entry.Run), status]);
        services.Dispose();
    }

    private void End(string uid)
    {
        if (pods.TryGetValue(uid, out var gone)) gone.Worker.End(0);
    }

    private void Note(JsonObject pod, CancellationToken cancel)
    {
        var uid = pod.Uid();
        if (!pods.TryGetValue(uid, out var entry))
        {
            if (pod.Text("status", "phase") is "Succeeded" or "Failed" && pod.IsDeleting() is false) return;
            var worker = new PodWorker(services, pod);
            entry = pods[uid] = (worker, SuperviseAsync(worker, uid, cancel));
        }

        if (pod.IsDeleting()) entry.Worker.End(pod.Number("metadata", "deletionGracePeriodSeconds") ?? 30);
    }

    private async Task SuperviseAsync(PodWorker worker, string uid, CancellationToken cancel)
    {
        await Task.Yield();
        try
        {
            await worker.RunAsync(cancel);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            Log.Failed(services.State.Log, uid, services.Node, failure);
            throw;
        }
        finally
        {
            pods.TryRemove(uid, out _);
            worker.Dispose();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(20, LogLevel.Error, "pod {Uid} on {Node} failed")]
        public static partial void Failed(ILogger log, string uid, string node, Exception failure);

        [LoggerMessage(21, LogLevel.Debug, "node {Node} is stopping")]
        public static partial void Stopping(ILogger log, string node);
    }
}
