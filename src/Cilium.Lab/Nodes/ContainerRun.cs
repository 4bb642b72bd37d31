using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Cilium.Lab.Controllers;
using Cilium.Lab.Json;
using Cilium.Netlink;

namespace Cilium.Lab.Nodes;

/// <summary>Keeps one container running by its pod's restart policy, with probes.</summary>
internal sealed class ContainerRun(
    NodeServices services, JsonObject pod, ContainerRecord record, PodSandbox sandbox, string podAddress, EventRecorder events, Action report)
{
    private static readonly TimeSpan FirstBackoff = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan StablePeriod = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StartRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ListenPoll = TimeSpan.FromMilliseconds(4);
    private const int ListenPolls = 1500;
    private const long LongestGraceSeconds = 2_000_000; // what a timer can count

    private readonly JsonNode container = record.DefinitionIn(pod);

    public async Task RunAsync(CancellationToken cancel)
    {
        var backoff = TimeSpan.Zero;
        while (true)
        {
            var began = services.State.Clock.GetTimestamp();
            await RunOnceAsync(cancel);
            if (!ShouldRestart()) return;
            if (services.State.Clock.GetElapsedTime(began) > StablePeriod) backoff = TimeSpan.Zero;
            record.LastState = record.StateDocument();
            if (backoff > TimeSpan.Zero) await BackOffAsync(backoff, cancel);
            backoff = TimeSpan.FromTicks(Math.Clamp(backoff.Ticks * 2, FirstBackoff.Ticks, LongestBackoff.Ticks));
            record.RestartCount++;
        }
    }

    /// <summary>The first restart is at once, further ones wait ever longer.</summary>
    private Task BackOffAsync(TimeSpan backoff, CancellationToken cancel)
    {
        record.Phase = ContainerPhase.Waiting;
        record.Reason = "CrashLoopBackOff";
        record.Message = $"back-off {backoff.TotalSeconds:0}s restarting failed container={record.Name} pod={pod.Name()}";
        events.Warn(pod, "BackOff", $"Back-off restarting failed container {record.Name} in pod {pod.Name()}");
        report();
        return Task.Delay(backoff, services.State.Clock, cancel);
    }

    private async Task RunOnceAsync(CancellationToken cancel)
    {
        var process = record.Process = await StartAsync(cancel);
        record.Phase = ContainerPhase.Running;
        record.Message = "";
        record.StartedAt = services.State.Clock.Stamp();
        events.Normal(pod, "Started", $"Started container {record.Name}");
        using var probing = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var probes = record is { IsInit: true, IsSidecar: false } ? Task.CompletedTask : ProbeAsync(process, probing.Token);
        report();
        try
        {
            await process.WaitForExitAsync(cancel);
        }
        finally
        {
            await probing.CancelAsync();
            await probes.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        record.Phase = ContainerPhase.Terminated;
        record.ExitCode = process.ExitCode;
        record.Reason = process.ExitCode == 0 ? "Completed" : "Error";
        record.FinishedAt = services.State.Clock.Stamp();
        record.IsReady = record is { IsInit: true, IsSidecar: false } && process.ExitCode == 0;
        record.IsStarted = false;
        report();
    }

    private async Task<Process> StartAsync(CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                var environment = ContainerEnvironment.Of(services.State, services.Layout, Current(), container);
                var command = await services.Commands.BuildAsync(services.Node, pod, container, environment, cancel);
                events.Normal(pod, "Created", $"Created container: {record.Name}");
                return sandbox.Start(record.Name, command, environment, container.Text("workingDir"));
            }
            catch (UnknownImageException unknown)
            {
                record.Reason = "ImagePullBackOff";
                record.Message = $"Back-off pulling image \"{record.Image}\": {unknown.Message}";
                events.Warn(pod, "Failed", $"Failed to pull image \"{record.Image}\": {unknown.Message}");
                report();
                await Task.Delay(LongestBackoff, services.State.Clock, cancel);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidOperationException or Win32Exception or NetlinkException)
            {
                record.Phase = ContainerPhase.Waiting;
                record.Reason = "RunContainerError";
                record.Message = failure.Message;
                events.Warn(pod, "Failed", $"Error: {failure.Message}");
                report();
                await Task.Delay(StartRetry, services.State.Clock, cancel);
            }
        }
    }

    /// <summary>Ends a sidecar whose pod has done its work. False when it does not run, and so does not end by itself.</summary>
    public async Task<bool> EndAsync(CancellationToken cancel)
    {
        record.IsEnding = true;
        if (record.Phase != ContainerPhase.Running || record.Process is not { } process) return false;
        using var over = new CancellationTokenSource(Grace(pod.Number("spec", "terminationGracePeriodSeconds")), services.State.Clock);
        await ProcessEnd.StopAsync([process], () => process.Kill(entireProcessTree: true), over.Token, cancel);
        return true;
    }

    /// <summary>The pod as stored now: variables may name its addresses.</summary>
    private JsonObject Current() =>
        services.State.Store.Get(Storage.BuiltInKinds.Pods, pod.Namespace(), pod.Name())?.Json ?? pod;

    private bool ShouldRestart()
    {
        if (record.IsSidecar) return !record.IsEnding;
        if (record.IsInit) return record.ExitCode != 0 && pod.Text("spec", "restartPolicy") != "Never";
        return pod.Text("spec", "restartPolicy") switch
        {
            "Never" => false,
            "OnFailure" => record.ExitCode != 0,
            _ => true,
        };
    }

    private async Task ProbeAsync(Process process, CancellationToken cancel)
    {
        await WaitUntilListeningAsync(process, cancel);
        if (ProbeOf("startupProbe") is { } startup) await RepeatAsync(startup, once: true, "Startup", process, cancel);
        if (process.HasExited) return;
        record.MarkStarted();
        var readiness = Task.CompletedTask;
        if (ProbeOf("readinessProbe") is { } probe) readiness = RepeatAsync(probe, once: false, "Readiness", process, cancel);
        else record.IsReady = true;
        report();

        var liveness = ProbeOf("livenessProbe") is { } alive ? RepeatAsync(alive, once: false, "Liveness", process, cancel) : Task.CompletedTask;
        await Task.WhenAll(readiness, liveness);
    }

    /// <summary>One of the lab's servers counts as running when it listens, so that the first request to a ready pod is answered.</summary>
    private async Task WaitUntilListeningAsync(Process process, CancellationToken cancel)
    {
        if (WorkloadImage.Find(record.Image) is not { Kind: ImageKind.Server, Port: > 0 } || container.Items("command").Any()) return;
        for (var poll = 0; poll < ListenPolls && !process.HasExited && !Listens(process.Id); poll++) await Task.Delay(ListenPoll, services.State.Clock, cancel);
    }

    private static bool Listens(int processId)
    {
        foreach (var table in (ReadOnlySpan<string>)["tcp", "tcp6"])
        {
            try
            {
                var path = string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/net/{table}");
                if (File.ReadLines(path).Any(line => line.Contains(" 0A ", StringComparison.Ordinal))) return true;
            }
            catch (IOException)
            {
                return false;
            }
        }

        return false;
    }

    private async Task RepeatAsync(Probe probe, bool once, string kind, Process process, CancellationToken cancel)
    {
        await Task.Delay(probe.InitialDelay, services.State.Clock, cancel);
        var failures = 0;
        while (!cancel.IsCancellationRequested)
        {
            var wrong = await probe.CheckAsync(podAddress, services.State.Clock, cancel);
            failures = wrong is null ? 0 : failures + 1;
            if (wrong is not null && (record.IsStarted || kind == "Liveness")) events.Warn(pod, "Unhealthy", $"{kind} probe failed: {wrong}");
            if (wrong is null && once) return;
            if (kind == "Readiness" && (wrong is null) != record.IsReady && (wrong is null || failures >= probe.FailureThreshold))
            {
                record.IsReady = wrong is null;
                report();
            }

            if (kind != "Readiness" && failures >= probe.FailureThreshold)
            {
                events.Normal(pod, "Killing", $"Container {record.Name} failed {kind.ToLowerInvariant()} probe, will be restarted");
                using var over = new CancellationTokenSource(GraceOf(kind), services.State.Clock);
                await ProcessEnd.StopAsync([process], () => process.Kill(entireProcessTree: true), over.Token, cancel);
                return;
            }

            await Task.Delay(record.IsReady || wrong is null ? probe.Period : QuickPeriod(probe), services.State.Clock, cancel);
        }
    }

    /// <summary>How long a container may take to end whose probe has failed: a probe may say so itself.</summary>
    private TimeSpan GraceOf(string kind) => Grace(
        container.Number(kind == "Startup" ? "startupProbe" : "livenessProbe", "terminationGracePeriodSeconds") ?? pod.Number("spec", "terminationGracePeriodSeconds"));

    private static TimeSpan Grace(long? seconds) => TimeSpan.FromSeconds(Math.Clamp(seconds ?? 30, 0, LongestGraceSeconds));

    /// <summary>A container that is still starting is asked more often, so that it becomes ready when it is.</summary>
    private static TimeSpan QuickPeriod(Probe probe) => probe.Period < QuickestProbe ? probe.Period : QuickestProbe;

    private static readonly TimeSpan QuickestProbe = TimeSpan.FromMilliseconds(200);

    private Probe? ProbeOf(string name) => container.Members(name) is { } definition
        ? new Probe(definition, container, services.Layout.NodeNamespace(services.Node), ExecuteAsync)
        : null;

    private async Task<int> ExecuteAsync(IReadOnlyList<string> command, CancellationToken cancel)
    {
        if (record.Process is not { HasExited: false } process) return 1;
        return (await Shell.RunAsync(sandbox.ExecCommand(process.Id, command, terminal: false), cancel)).ExitCode;
    }
}
