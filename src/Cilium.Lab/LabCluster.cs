using System.Diagnostics;
using Cilium.Lab.Nodes;
using Cilium.Lab.Running;

namespace Cilium.Lab;

/// <summary>A cluster on this machine, seen from outside: brings it up, tells about it, takes it down. Needs root.</summary>
public sealed class LabCluster
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(20);
    private readonly LabOptions options;
    private readonly TimeProvider clock;
    private readonly LabLayout layout;

    /// <summary>Names a lab; nothing is started.</summary>
    /// <param name="options">How it is to be.</param>
    /// <param name="clock">Measures timeouts.</param>
    /// <exception cref="ArgumentException">The name is none.</exception>
    public LabCluster(LabOptions options, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(clock);
        if (options.Nodes is < 1 or > 100) throw new ArgumentException("a lab has 1 to 100 nodes", nameof(options));
        this.options = options;
        this.clock = clock;
        layout = new LabLayout(options.Name, options.Root, options.Binaries);
    }

    /// <summary>Where kubectl finds the cluster.</summary>
    public string KubeconfigFile => layout.KubeconfigFile;

    /// <summary>What the lab's process writes.</summary>
    public string LogFile => layout.LogFile;

    /// <summary>The names of the nodes, the control plane first.</summary>
    public IReadOnlyList<string> NodeNames => LabProcess.NodeNames(options.Nodes);

    /// <summary>The network namespace of a node, as <c>ip netns</c> names it.</summary>
    public string NamespaceOfNode(string node) => layout.NodeNamespace(node);

    /// <summary>The network namespace between the nodes.</summary>
    public string UnderlayNamespace => layout.UnderlayNamespace;

    /// <summary>The folder of a node: run, bpf, cni, log.</summary>
    public string FolderOfNode(string node) => layout.NodeFolder(node);

    /// <summary>The cgroup v2 folder of a node; pods have theirs in <c>pods/UID</c> below.</summary>
    public string CgroupOfNode(string node) => Path.Combine(Cgroup.MountPoint(), layout.CgroupName, node);

    /// <summary>Whether the lab's process runs: it may still be starting, and a crashed lab is not up.</summary>
    public bool IsUp => LabState.Read(layout.StateFile) is { IsAlive: true };

    /// <summary>One line about the lab's process, or null when there is no such lab.</summary>
    public string? Describe()
    {
        if (LabState.Read(layout.StateFile) is not { } state) return null;
        if (state.Phase == LabPhase.Failed) return $"failed: {state.Message}";
        if (!state.IsAlive) return $"crashed (process {state.ProcessId} is gone); 'down' cleans up";
        return state.Phase switch
        {
            LabPhase.Ready => $"ready, process {state.ProcessId}, API at {state.Server}",
            _ => $"starting{(state.Message.Length > 0 ? $", {state.Message}" : "")}",
        };
    }

    /// <summary>Starts the lab's process and waits until every node is Ready.</summary>
    /// <param name="executable">The program that runs a lab's process: <c>cilium-lab</c>.</param>
    /// <param name="cancel">Stops waiting; the lab's process goes on.</param>
    /// <exception cref="InvalidOperationException">The lab runs already, or did not come up; the message says why.</exception>
    public async Task UpAsync(string executable, CancellationToken cancel)
    {
        if (IsUp) throw new InvalidOperationException($"lab '{options.Name}' is up already; take it down first");
        await new LabCleaner(layout, clock).CleanAsync(cancel);
        Directory.CreateDirectory(layout.Folder);
        string[] arguments =
        [
            "process", "--name", options.Name, "--nodes", $"{options.Nodes}", "--root", Path.GetFullPath(options.Root), "--binaries", layout.Binaries,
            .. options.ValueFiles.SelectMany(file => (string[])["--values", Path.GetFullPath(file)]),
            .. options.Settings.SelectMany(setting => (string[])["--set", setting]),
            .. options.InstallsCilium ? (string[])[] : ["--bare"],
        ];
        using var launched = Process.Start(new ProcessStartInfo(
            "/bin/sh", ["-c", $"exec setsid --fork \"$@\" >>{Shell.Quote(layout.LogFile)} 2>&1 </dev/null", "sh", executable, .. arguments]))!;
        await launched.WaitForExitAsync(cancel);
        var began = clock.GetTimestamp();
        while (true)
        {
            var state = LabState.Read(layout.StateFile);
            if (state is { Phase: LabPhase.Ready }) return;
            if (state is { Phase: LabPhase.Failed }) throw new InvalidOperationException(state.Message);
            var late = clock.GetElapsedTime(began);
            if (state is { IsAlive: false } || (state is null && late > EndPatience))
                throw new InvalidOperationException($"the lab's process ended; see {layout.LogFile}");
            if (late > options.Timeout)
                throw new InvalidOperationException($"the lab was not ready after {options.Timeout.TotalSeconds:0} s; see {layout.LogFile} and kubectl --kubeconfig {layout.KubeconfigFile} get nodes,pods -A");
            await Task.Delay(Poll, clock, cancel);
        }
    }

    /// <summary>Ends the lab and removes all it made, also what a crash has left. A lab that is not there is success.</summary>
    public async Task DownAsync(CancellationToken cancel)
    {
        if (LabState.Read(layout.StateFile) is { IsAlive: true } state)
        {
            Signals.Terminate(state.ProcessId);
            var began = clock.GetTimestamp();
            while (state.IsAlive)
            {
                if (clock.GetElapsedTime(began) > EndPatience) Signals.Kill(state.ProcessId);
                await Task.Delay(Poll, clock, cancel);
            }
        }

        await new LabCleaner(layout, clock).CleanAsync(cancel);
    }

    /// <summary>Runs kubectl against the lab.</summary>
    /// <returns>Its exit code, standard output and standard error.</returns>
    public async Task<(int ExitCode, string Output, string Error)> KubectlAsync(IReadOnlyList<string> arguments, CancellationToken cancel, string? input = null)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var result = await Shell.RunAsync(["kubectl", "--kubeconfig", KubeconfigFile, .. arguments], cancel, input);
        return (result.ExitCode, result.Output, result.Error);
    }
}
