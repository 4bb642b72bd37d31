using System.Buffers.Binary;
using Cilium.Bpf;
using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Datapath.Maps;
using Cilium.Kubernetes;
using Cilium.Simulation.Clusters;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Explaining;

/// <summary>
/// Answers questions by sending a packet through the shipped programs of a simulated cluster. Whoever gets a packet takes it and says nothing, so
/// that the way is that of the first packet alone.
/// </summary>
public sealed class PathExplainer : IAsyncDisposable
{
    private const ushort SctpSourcePort = 40000;
    private const byte Sctp = 132;
    private const int SctpHeaderBytes = 12;
    private readonly Dictionary<string, EventLog> _events;
    private readonly Destination _destinations;
    private readonly IdentityNames _names;
    private readonly List<(VirtualNamespace Namespace, bool IsIcmpError)> _taken = [];
    private bool _hasReachedWorld;
    private ushort _sctpPort = SctpSourcePort;

    private PathExplainer(SimulatedCluster cluster, Dictionary<string, EventLog> events, IReadOnlyDictionary<NamespacedName, List<NamespacedName>> workloads)
    {
        Cluster = cluster;
        _events = events;
        _destinations = new Destination(cluster, workloads);
        _names = new IdentityNames(LabelsOf);
        cluster.World = _ => _hasReachedWorld = true;
        foreach (var ns in cluster.Nodes.SelectMany(node => node.Virtual.Namespaces))
        {
            ns.Sink = (_, frame) =>
            {
                _taken.Add((ns, IsIcmpError(frame)));
                return true;
            };
        }
    }

    /// <summary>The cluster.</summary>
    public SimulatedCluster Cluster { get; }

    /// <summary>Makes a cluster of objects to ask about.</summary>
    /// <param name="objects">The objects.</param>
    /// <param name="workloads">The pods of each workload, so that the workload's name means its first pod.</param>
    /// <param name="options">Nodes, families and so on. Every event must be told: <see cref="SimulationOptions.Small"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<PathExplainer> StartAsync(
        ClusterObjects objects, IReadOnlyDictionary<NamespacedName, List<NamespacedName>> workloads, SimulationOptions options, CancellationToken cancellationToken)
    {
        var events = new Dictionary<string, EventLog>();
        var cluster = await SimulatedCluster.StartAsync(objects, options, node => [events[node] = new EventLog()], null, cancellationToken).ConfigureAwait(false);
        return new PathExplainer(cluster, events, workloads);
    }

    /// <summary>Sends the first packet of a question, and tells its way.</summary>
    /// <param name="question">The question.</param>
    /// <param name="isDetailed">Whether lookups and decisions are told; without, it is much faster.</param>
    /// <exception cref="QuestionException">A name that nothing has, or a protocol without what it needs.</exception>
    public Walk Explain(Question question, bool isDetailed = true)
    {
        ArgumentNullException.ThrowIfNull(question);
        var from = _destinations.Pod(question.From);
        var to = _destinations.Address(question.To, question.From.Namespace);
        if (!from.Row.PodIPs.Any(own => own.IsIPv4 == to.IsIPv4))
            throw new QuestionException($"{from} has no address of the family of {to}");
        if (question.Port == 0 != question.Protocol is L4Protocol.Icmp or L4Protocol.IcmpV6)
            throw new QuestionException(question.Port == 0 ? $"{question.Protocol} needs a port" : "ICMP has no port");

        // 1. Forget the packet before; 2. send; 3. gather what was seen.
        Drain();
        foreach (var log in _events.Values)
            log.Clear();
        _taken.Clear();
        _hasReachedWorld = false;
        var recorder = new WalkRecorder(new LookupText(_names), isDetailed);
        Cluster.Fabric.Observer = recorder;
        var error = Send(from, new Endpoint(to, question.Port), question.Protocol);
        Cluster.Fabric.Run();
        Cluster.Fabric.Observer = null;
        Drain();
        return Conclude(question, from, recorder, error);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Cluster.DisposeAsync();

    private void Drain() => Cluster.DrainEvents();

    private int Send(SimulatedPod from, Endpoint to, L4Protocol protocol)
    {
        var sockets = from.Namespace.Sockets;
        switch (protocol)
        {
            case L4Protocol.Tcp:
                using (var connection = sockets.ConnectTcp(to))
                    return connection.Error;
            case L4Protocol.Udp:
                using (var socket = sockets.OpenUdp())
                    return socket.Connect(to) is not 0 and var refused ? refused : socket.Send("explain"u8);
            case L4Protocol.Icmp or L4Protocol.IcmpV6:
                sockets.Echo(to.Address).Dispose();
                return 0;
            case L4Protocol.Sctp:
                SendSctp(from.Namespace, to);
                return 0;
            default:
                throw new QuestionException($"protocol {protocol} cannot be asked about");
        }
    }

    /// <summary>An SCTP packet with nothing but its header: the programs look at the ports alone.</summary>
    private void SendSctp(VirtualNamespace from, Endpoint to)
    {
        var header = new byte[SctpHeaderBytes];
        BinaryPrimitives.WriteUInt16BigEndian(header, _sctpPort++);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), to.Port);
        from.SendPayload(to.Address, Sctp, header);
    }

    private Walk Conclude(Question question, SimulatedPod from, WalkRecorder recorder, int error)
    {
        var walk = new Walk
        {
            From = from.ToString(),
            To = question.To,
            Port = question.Port,
            Protocol = question.Protocol.ToString().ToLowerInvariant(),
            Outcome = Outcome.Delivered,
            Where = "",
            Steps = [.. recorder.Steps],
            Decisions = [.. new Decisions(Cluster, _names, _events.ToDictionary(entry => entry.Key, entry => entry.Value.Events)).Of(recorder)],
        };
        if (error != 0)
            return walk with { Outcome = Outcome.Refused, Where = $"socket in {from}", Reason = $"the call fails with error {error}{(error == 113 ? " (no route to host: the service has no backends)" : "")}" };
        if (_hasReachedWorld)
            return walk with { Where = "the world" };
        if (_taken.FindIndex(taken => !taken.IsIcmpError) is >= 0 and var index)
            return walk with { Where = _taken[index].Namespace.Name };
        if (_taken.Count > 0)
            return walk with { Outcome = Outcome.Refused, Where = _taken[0].Namespace.Name, Reason = "an ICMP error came back" };
        var (cause, device) = recorder.Drop ?? throw new InvalidOperationException($"the packet of {question} vanished");
        var where = $"{device.Namespace.Name} {device.Name}";
        if (cause != DropCause.Program)
            return walk with { Outcome = Outcome.Dropped, Where = where, Reason = $"{cause}" };
        var drop = _events[device.Namespace.Node.Name].Events.Last(e => e.Type == DatapathEventType.Drop);
        return walk with
        {
            Outcome = Outcome.Dropped,
            Where = where,
            Reason = $"{(DropReason)drop.SubType}",
            DropReason = drop.SubType,
            SourceLine = LineOf(recorder.Dropper!, drop),
        };
    }

    /// <summary>Where it was dropped: the event has the number of the line, the program the lines that it was made from.</summary>
    private static string LineOf(BpfProgram program, DatapathEvent drop) =>
        program.SourceLines(drop.Line).FirstOrDefault(line => line.Contains("drop(", StringComparison.Ordinal))
        ?? $"{(SourceFile)drop.File}, line {drop.Line}";

    private LabelSet? LabelsOf(Identity identity)
    {
        foreach (var node in Cluster.Nodes)
        {
            if (node.Policies.Identities.TryGet(identity, out var known))
                return known.Labels;
        }
        return null;
    }

    private static bool IsIcmpError(ReadOnlySpan<byte> frame)
    {
        const int ethernet = 14;
        return (frame[ethernet] >> 4) switch
        {
            4 => frame[ethernet + 9] == 1 && frame[ethernet + ((frame[ethernet] & 0xF) * 4)] is not (0 or 8),
            6 => frame[ethernet + 6] == 58 && frame[ethernet + 40] < 128,
            _ => false,
        };
    }
}
