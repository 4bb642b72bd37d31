using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;
using Microsoft.Extensions.Logging;

namespace Cilium.Lab.Nodes;

/// <summary>Keeps a pod in the hands of a worker: when one fails as nobody foresaw, the next begins anew with the pod as it is stored then.</summary>
internal sealed partial class PodSupervisor(NodeServices services, JsonObject pod) : IDisposable
{
    private readonly Lock gate = new();
    private PodWorker worker = new(services, pod);

    public PodWorker Worker => Volatile.Read(ref worker);

    /// <summary>Ends the pod, whoever has it.</summary>
    public void End(long seconds)
    {
        lock (gate) worker.End(seconds);
    }

    /// <summary>Runs until the pod is gone; a cancellation leaves it as it is.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var isFirst = true;
        await new Revival(services.State.Clock).RunAsync(AttemptAsync, AbandonAsync, () => Worker.Ending, cancel);

        Task AttemptAsync(CancellationToken token)
        {
            if (!isFirst) Replace();
            isFirst = false;
            return Worker.RunAsync(token);
        }
    }

    public void Dispose() => Worker.Dispose();

    private void Replace()
    {
        var stored = services.State.Store.Get(BuiltInKinds.Pods, pod.Namespace(), pod.Name())?.Json;
        var present = stored is not null && stored.Uid() == pod.Uid() ? stored : null;
        var (former, next) = (Worker, new PodWorker(services, present ?? pod));
        lock (gate)
        {
            Volatile.Write(ref worker, next);
            // What is gone or going only has something left to be taken down.
            if (former.Ending.IsCancellationRequested || present is null || present.IsDeleting())
                next.End(present is null ? 0 : present.Number("metadata", "deletionGracePeriodSeconds") ?? 30);
        }

        former.Dispose();
    }

    private async Task AbandonAsync(Exception failure, CancellationToken cancel)
    {
        Log.Failed(services.State.Log, pod.Namespace(), pod.Name(), services.Node, failure);
        try
        {
            await Worker.AbandonAsync(failure, cancel);
        }
        catch (Exception next) when (!cancel.IsCancellationRequested)
        {
            Log.NotTakenDown(services.State.Log, pod.Namespace(), pod.Name(), services.Node, next);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(20, LogLevel.Error, "pod {Namespace}/{Name} on {Node} failed; it begins anew")]
        public static partial void Failed(ILogger log, string @namespace, string name, string node, Exception failure);

        [LoggerMessage(23, LogLevel.Error, "pod {Namespace}/{Name} on {Node} could not be taken down")]
        public static partial void NotTakenDown(ILogger log, string @namespace, string name, string node, Exception failure);
    }
}
