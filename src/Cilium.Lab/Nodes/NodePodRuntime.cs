using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Serving;
using Cilium.Lab.Storage;
using Cilium.Netlink;

namespace Cilium.Lab.Nodes;

/// <summary>Connects API clients with the pods of all nodes.</summary>
internal sealed class NodePodRuntime(LabLayout layout, TimeProvider clock) : IPodRuntime
{
    private static readonly TimeSpan LogPoll = TimeSpan.FromMilliseconds(100);
    private readonly Dictionary<string, NodeRunner> nodes = [];

    /// <summary>The cluster whose objects name the containers' environment; set once, before the first request.</summary>
    public ClusterState? Cluster { get; set; }

    public void Add(NodeRunner runner) => nodes[runner.Node] = runner;

    public async Task<int> ExecAsync(ExecRequest request, IExecStreams streams, CancellationToken cancel)
    {
        var (worker, record) = Running(request.Pod, request.Container);
        var container = record.DefinitionIn(request.Pod);
        var command = worker.Sandbox.ExecCommand(record.Process!.Id, request.Command, request.Terminal);
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            WorkingDirectory = "/",
        };
        start.Environment.Clear();
        foreach (var (name, value) in ContainerEnvironment.Of(Cluster!, layout, request.Pod, container)) start.Environment[name] = value;
        foreach (var (name, value) in AgentSocket(request.Pod, record.Image)) start.Environment[name] = value;
        if (request.Terminal) start.Environment["TERM"] = "xterm";
        return await JoinedCommand.RunAsync(start, request.Input, streams, cancel);
    }

    public Task<int> AttachAsync(ExecRequest request, IExecStreams streams, CancellationToken cancel)
    {
        var (worker, record) = Running(request.Pod, request.Container);
        var log = worker.Sandbox.LogFile(record.Name);
        return AttachedContainer.FollowAsync(
            record.Process!, ended => FollowAsync(log, 0, streams.WriteOutputAsync, () => record.Phase == ContainerPhase.Running, ended), streams, cancel);
    }

    public async Task CopyLogAsync(JsonObject pod, string? container, LogOptions options, Stream output, CancellationToken cancel)
    {
        var node = pod.Text("spec", "nodeName") ?? throw ApiException.BadRequest($"pod {pod.Name()} does not have a host assigned");
        var worker = nodes.GetValueOrDefault(node)?.Find(pod.Uid());
        var record = worker?.Containers.FirstOrDefault(item => item.Name == container);
        var file = Path.Combine(layout.PodFolder(node, pod.Uid()), $"{container}.log");
        if (!File.Exists(file))
            throw ApiException.BadRequest($"container \"{container}\" in pod \"{pod.Name()}\" is waiting to start: {record?.Reason ?? "ContainerCreating"}");
        var from = options.TailLines is { } lines ? StartOfTail(file, lines) : 0;
        async ValueTask Write(ReadOnlyMemory<byte> bytes, CancellationToken token)
        {
            await output.WriteAsync(bytes, token);
            await output.FlushAsync(token);
        }

        await FollowAsync(file, from, Write, () => options.Follow && record?.Phase == ContainerPhase.Running, cancel);
    }

    public async Task<Stream> ConnectAsync(JsonObject pod, int port, CancellationToken cancel)
    {
        var (worker, _) = Running(pod, null);
        using var ns = NetworkNamespace.Open(NetworkNamespace.PathOf(worker.Sandbox.NamespaceName));
        foreach (var address in (IPAddress[])[IPAddress.Loopback, IPAddress.IPv6Loopback])
        {
            var socket = ns.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
            try
            {
                await socket.ConnectAsync(new IPEndPoint(address, port), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException) when (address == IPAddress.Loopback)
            {
                socket.Dispose();
            }
        }

        throw new IOException($"nothing listens on port {port}");
    }

    /// <summary>Tools run in an agent's container speak to that agent.</summary>
    private Dictionary<string, string> AgentSocket(JsonObject pod, string image)
    {
        if (WorkloadImage.Find(image) is not { Kind: ImageKind.Agent } || pod.Text("spec", "nodeName") is not { } node) return [];
        var run = Path.Combine(layout.NodeFolder(node), "run");
        return new Dictionary<string, string>
        {
            ["CILIUM_SOCK"] = Path.Combine(run, "cilium.sock"),
            ["HUBBLE_SERVER"] = $"unix://{Path.Combine(run, "hubble.sock")}",
            ["CILIUM_BPF_ROOT"] = Path.Combine(layout.NodeFolder(node), "bpf"),
        };
    }

    private (PodWorker Worker, ContainerRecord Record) Running(JsonObject pod, string? container)
    {
        var worker = nodes.GetValueOrDefault(pod.TextOr("", "spec", "nodeName"))?.Find(pod.Uid());
        var record = worker?.Containers.FirstOrDefault(item => container is null ? !item.IsInit : item.Name == container);
        if (worker is null || record is not { Phase: ContainerPhase.Running, Process.HasExited: false })
            throw new ApiException(500, "InternalError", $"unable to upgrade connection: container not found (\"{container}\")");
        return (worker, record);
    }

    private async Task FollowAsync(
        string file, long from, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> write, Func<bool> more, CancellationToken cancel)
    {
        await using var log = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        log.Position = from;
        while (true)
        {
            var goesOn = more();
            await JoinedCommand.CopyAsync(log, write, cancel);
            if (!goesOn) return;
            await Task.Delay(LogPoll, clock, cancel);
        }
    }

    private static long StartOfTail(string file, int lines)
    {
        var bytes = File.ReadAllBytes(file);
        var position = bytes.Length;
        for (var seen = 0; position > 0; position--)
        {
            if (bytes[position - 1] == (byte)'\n' && position < bytes.Length && ++seen == lines) break;
        }

        return lines == 0 ? bytes.Length : position;
    }
}
