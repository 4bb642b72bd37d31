using System.Text.Json.Nodes;
using Cilium.Lab.Controllers;
using Cilium.Lab.Json;
using Cilium.Lab.Registry;
using Cilium.Lab.Storage;
using Cilium.Netlink;
using Microsoft.Extensions.Logging;

namespace Cilium.Lab.Nodes;

/// <summary>
/// Carries one pod through its life on a node: (1) network namespace and addresses by CNI, (2) init containers, (3) containers until
/// the pod is deleted or complete, (4) removal.
/// </summary>
internal sealed partial class PodWorker(NodeServices services, JsonObject pod) : IDisposable
{
    private static readonly TimeSpan SandboxRetry = TimeSpan.FromSeconds(1);
    private readonly GracePeriod grace = new(services.State.Clock);
    private readonly EventRecorder events = new(services.State, "kubelet");
    private readonly List<ContainerRecord> containers = [.. ContainerRecord.AllOf(pod)];

    private IReadOnlyList<string> addresses = [];

    public PodSandbox Sandbox { get; } = services.CreateSandbox(pod);

    public IReadOnlyList<ContainerRecord> Containers => containers;

    /// <summary>Cancelled when the pod is to end.</summary>
    public CancellationToken Ending => grace.Begun;

    /// <summary>Ends the pod; a second call may only shorten the grace period, also when it runs already.</summary>
    public void End(long seconds) => grace.End(seconds);

    public async Task RunAsync(CancellationToken stopping)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, grace.Begun);
        try
        {
            await LiveAsync(either.Token);
            if (!either.IsCancellationRequested) await Task.Delay(Timeout.InfiniteTimeSpan, services.State.Clock, either.Token);
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested)
        {
            Log.Ending(services.State.Log, pod.Namespace(), pod.Name());
        }

        if (!stopping.IsCancellationRequested) await RemoveAsync(stopping);
    }

    /// <summary>Tells of a failure that nobody foresaw, and takes down what runs, for another worker to begin anew.</summary>
    public async Task AbandonAsync(Exception failure, CancellationToken cancel)
    {
        Sandbox.Cgroup.Kill();
        events.Warn(pod, "FailedSync", $"error syncing pod, it begins anew: {failure.Message}");
        if (!Sandbox.UsesHostNetwork && !grace.Begun.IsCancellationRequested) await TryLeaveNetworkAsync(cancel);
    }

    public void Dispose() => grace.Dispose();

    private async Task LiveAsync(CancellationToken cancel)
    {
        Report();
        await JoinNetworkAsync(cancel);
        Sandbox.WriteFiles(addresses);
        Report();
        var runs = containers.ToDictionary(record => record, record => new ContainerRun(services, pod, record, Sandbox, addresses[0], events, Report));
        await new ContainerSequence((record, token) => runs[record].RunAsync(token), (record, token) => runs[record].EndAsync(token)).RunAsync(containers, cancel);
    }

    /// <summary>Step 1. Repeated until it succeeds: the agent may come later than the pod.</summary>
    private async Task JoinNetworkAsync(CancellationToken cancel)
    {
        while (true)
        {
            if (!Sandbox.UsesHostNetwork && services.Cni.FindConfiguration() is null)
            {
                Refuse("NetworkNotReady", "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized");
                await services.Cni.WaitForConfigurationAsync(services.State.Clock, cancel);
            }

            await services.SandboxTurns.WaitAsync(cancel);
            try
            {
                Sandbox.Prepare();
                addresses = Sandbox.UsesHostNetwork
                    ? [.. services.Addresses.All.Select(address => address.ToString())]
                    : (await services.Cni.AddAsync(pod, Sandbox.ContainerId, Sandbox.NamespaceName, cancel)).Addresses;
                if (addresses.Count > 0) return;
                throw new CniFailureException("the plugin gave no address");
            }
            catch (Exception failure) when (failure is CniFailureException or NetlinkException or IOException)
            {
                Refuse("FailedCreatePodSandBox", $"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \"{Sandbox.ContainerId}\": {failure.Message}");
                await TryLeaveNetworkAsync(cancel);
            }
            finally
            {
                services.SandboxTurns.Release();
            }

            await Task.Delay(SandboxRetry, services.State.Clock, cancel);
        }
    }

    private void Refuse(string reason, string message)
    {
        events.Warn(pod, reason, message);
        Report();
    }

    private async Task<bool> TryLeaveNetworkAsync(CancellationToken cancel)
    {
        try
        {
            await services.Cni.DeleteAsync(pod, Sandbox.ContainerId, Sandbox.NamespaceName, cancel);
            return true;
        }
        catch (CniFailureException failure)
        {
            events.Warn(pod, "FailedKillPod", $"error killing pod: failed to \"KillPodSandbox\": {failure.Message}");
            return false;
        }
    }

    /// <summary>Step 4. The API object goes last, when nothing of the pod is left on the machine.</summary>
    private async Task RemoveAsync(CancellationToken stopping)
    {
        // What is left is killed before the pod leaves its network: its plugin may refuse for long.
        var processes = containers.Select(record => record.Process).OfType<System.Diagnostics.Process>().ToList();
        if (!await ProcessEnd.StopAsync(processes, Sandbox.Cgroup.Kill, grace.Over, stopping)) Log.Killing(services.State.Log, pod.Namespace(), pod.Name());

        foreach (var record in containers) record.IsReady = false;
        // As a kubelet does: a pod whose plugin refuses stays.
        while (!Sandbox.UsesHostNetwork && !await TryLeaveNetworkAsync(stopping)) await Task.Delay(SandboxRetry, services.State.Clock, stopping);
        await Sandbox.RemoveAsync(services.State.Clock);
        services.State.Delete(BuiltInKinds.Pods, pod.Namespace(), pod.Name(), new DeleteOptions { GracePeriodSeconds = 0, Uid = pod.Uid() });
    }

    private void Report()
    {
        lock (containers) services.StatusWriter.Write(pod, containers, addresses, Sandbox.ContainerId);
    }

    private static partial class Log
    {
        [LoggerMessage(10, LogLevel.Debug, "pod {Namespace}/{Name} is ending")]
        public static partial void Ending(ILogger log, string @namespace, string name);

        [LoggerMessage(11, LogLevel.Information, "pod {Namespace}/{Name} did not end within its grace period")]
        public static partial void Killing(ILogger log, string @namespace, string name);
    }
}
