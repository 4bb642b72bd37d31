using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Cilium.Lab.Cluster;
using Cilium.Lab.Controllers;
using Cilium.Lab.Installing;
using Cilium.Lab.Json;
using Cilium.Lab.Nodes;
using Cilium.Lab.Serving;
using Cilium.Lab.Storage;
using Cilium.Netlink;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Cilium.Lab.Running;

/// <summary>The process that is a lab: (1) networks, (2) API server, (3) controllers and nodes, (4) Cilium; until it is told to end.</summary>
internal sealed class LabProcess(LabOptions options, TimeProvider clock, ILoggerFactory logs)
{
    private const int ApiPort = 6443;
    private readonly LabLayout layout = new(options.Name, options.Root, options.Binaries);
    private readonly ILogger log = logs.CreateLogger("lab");

    public async Task<int> RunAsync(CancellationToken cancel)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => End(context, ending));
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => End(context, ending));
        Tell(LabPhase.Starting, "", "");
        try
        {
            await LiveAsync(ending.Token);
            return 0;
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            return 0;
        }
        catch (Exception failure) when (failure is InvalidOperationException or IOException or NetlinkException or FormatException or UnknownValuesException or ApiException)
        {
            Tell(LabPhase.Failed, failure.Message, "");
            await Console.Error.WriteLineAsync(failure.ToString());
            return 1;
        }
        finally
        {
            if (ending.IsCancellationRequested) await new LabCleaner(layout, clock).CleanAsync(CancellationToken.None);
        }
    }

    private async Task LiveAsync(CancellationToken cancel)
    {
        var values = HelmValues.Merge(options.ValueFiles.Select(file => (file, File.ReadAllText(file))), options.Settings);
        var configuration = CiliumConfiguration.Render(values);
        var network = ClusterNetwork.For(configuration["enable-ipv4"] == "true", configuration["enable-ipv6"] == "true");
        var names = NodeNames(options.Nodes);

        // 1. Networks
        PrivateFiles.CreateFolder(layout.NodesFolder);
        var underlay = new UnderlayNetwork(layout, network.Ipv4 || configuration.GetValueOrDefault("underlay-protocol") == "ipv4", network.Ipv6);
        underlay.Create();
        for (var index = 0; index < names.Count; index++)
        {
            await CreateFoldersAsync(names[index], cancel);
            underlay.AddNode(names[index], index);
        }

        // 2. API server, on this machine's loopback and on the control plane node
        var state = new ClusterState(network.ServiceRanges, clock, log);
        var apiAddress = new IPEndPoint(underlay.AddressesOf(0).All.First(address => address.AddressFamily == network.ServiceRanges[0].BaseAddress.AddressFamily), ApiPort);
        using var certificates = new ClusterCertificates(
            ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", names[0]],
            [IPAddress.Loopback, apiAddress.Address, IPAddress.Parse(new Admission.AddressPool(network.ServiceRanges[0]).At(1))], clock);
        var runtime = new NodePodRuntime(layout, clock) { Cluster = state };
        await using var server = new ApiServer(
            state.Registry, state.Deletion, runtime, certificates, [new IPEndPoint(IPAddress.Loopback, 0), apiAddress], endpoint => Bind(endpoint, apiAddress, names[0]));
        await server.StartAsync(cancel);
        var local = server.Addresses.First(address => address.Host == "127.0.0.1");
        await PrivateFiles.WriteAsync(layout.KubeconfigFile, Kubeconfig.Render($"lab-{options.Name}", local.ToString().TrimEnd('/'), certificates.AuthorityPem, server.Token), cancel);
        if (Sudo.CallerOrNull(Environment.GetEnvironmentVariable) is { } owner) await Shell.RequireAsync(["chown", "-h", owner, layout.KubeconfigFile], cancel);

        // 3. Controllers and nodes
        var agents = new AgentCommands(state, layout);
        var controllers = new ControllerSet(state, network, certificates.AuthorityPem);
        controllers.Furnish([apiAddress]);
        var work = new List<Task> { controllers.RunAsync(cancel), new DnsZoneWriter(state, layout.ZoneFile).RunAsync(cancel) };
        using var outside = StartOutside();
        for (var index = 0; index < names.Count; index++)
        {
            state.Ensure(BuiltInKinds.Nodes, "", NodeStatus.Definition(names[index], index == 0));
            await PrivateFiles.WriteAsync(
                agents.NodeKubeconfig(names[index]), Kubeconfig.Render("node", $"https://{apiAddress}", certificates.AuthorityPem, server.Token), cancel);
            var services = new NodeServices(
                state, layout, names[index], underlay.AddressesOf(index), network.DnsAddress, new ContainerCommand(layout.ZoneFile, agents));
            var runner = new NodeRunner(services);
            runtime.Add(runner);
            work.Add(runner.RunAsync(cancel));
        }

        // 4. Cilium
        if (options.InstallsCilium) new CiliumInstallation(state, configuration, (int)(values.Number("operator", "replicas") ?? 1)).Install(network.DnsAddress);
        Tell(LabPhase.Starting, "waiting for the nodes", local.ToString());
        work.Add(AnnounceAsync(state, local.ToString(), cancel));
        var first = await Task.WhenAny(work.Where(task => task != work[^1]));
        await first;
    }

    private async Task AnnounceAsync(ClusterState state, string server, CancellationToken cancel)
    {
        var readiness = new LabReadiness(state, options.InstallsCilium);
        await readiness.WaitAsync(cancel);
        Tell(LabPhase.Ready, "", server);
    }

    private static void End(PosixSignalContext context, CancellationTokenSource ending)
    {
        context.Cancel = true;
        ending.Cancel();
    }

    private void Tell(LabPhase phase, string message, string server)
    {
        Directory.CreateDirectory(layout.Folder);
        new LabState(Environment.ProcessId, LabState.StartOf(Environment.ProcessId), phase, message, server).Write(layout.StateFile);
    }

    private async Task CreateFoldersAsync(string node, CancellationToken cancel)
    {
        var folder = layout.NodeFolder(node);
        foreach (var part in (string[])["run", "bpf", "cni/net.d", "cni/bin", "log", "pods"]) Directory.CreateDirectory(Path.Combine(folder, part));
        await Shell.RequireAsync(["mount", "-t", "bpf", "bpf", Path.Combine(folder, "bpf")], cancel);
    }

    private Socket Bind(EndPoint endpoint, IPEndPoint apiAddress, string controlPlane)
    {
        if (!endpoint.Equals(apiAddress)) return SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        using var ns = NetworkNamespace.Open(NetworkNamespace.PathOf(layout.NodeNamespace(controlPlane)));
        return ns.Run(() => SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint));
    }

    /// <summary>A web server in the underlay: the world outside the cluster.</summary>
    private Process StartOutside()
    {
        var cgroup = Cgroup.Open(layout.CgroupName, "outside");
        var script = $"echo $$ > {Shell.Quote(cgroup.ProcessesFile)}; exec >>{Shell.Quote(Path.Combine(layout.Folder, "outside.log"))} 2>&1 </dev/null; "
            + $"exec nsenter --net={NetworkNamespace.PathOf(layout.UnderlayNamespace)} -- \"$@\"";
        return Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script, "sh", Environment.ProcessPath!, "workload", "outside", "--port", "80"]))!;
    }

    public static IReadOnlyList<string> NodeNames(int count) =>
        [.. Enumerable.Range(0, count).Select(index => index switch { 0 => "kind-control-plane", 1 => "kind-worker", _ => $"kind-worker{index}" })];
}
