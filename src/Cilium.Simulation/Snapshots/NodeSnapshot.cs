using System.Runtime.InteropServices;
using Cilium.Bpf;
using Cilium.Core;
using Cilium.Datapath;
using Cilium.Datapath.Devices;
using Cilium.Datapath.Events;
using Cilium.Datapath.Inspection;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;
using Cilium.Policy;
using Cilium.Simulation.Explaining;
using Cilium.Simulation.Nodes;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Snapshots;

/// <summary>
/// A copy of this node's datapath: the shipped programs in this process with the constants of those that run, what the pinned maps hold, devices
/// and routes. Asking it touches no traffic and changes nothing on the node.
/// </summary>
public sealed class NodeSnapshot : IRingBufferSink, IDisposable
{
    private const string NodeName = "node";
    private const ushort SctpPort = 40000;
    private readonly Fabric _fabric = new();
    private readonly LoadedDatapath _loaded;
    private readonly SnapshotDevices _devices;
    private readonly RingBufferReader _ring;
    private readonly EventLog _events = new();
    private readonly VirtualNode _node;
    private readonly PacketTrial _trial;

    private NodeSnapshot(DatapathMaps maps, string bpfRoot, NodeNamespace ns, Func<Identity, LabelSet?> labelsOf, Func<EndpointId, string?> nameOf)
    {
        // 1. Programs with the constants, and maps with the content, of those on the node.
        var constants = SnapshotConstants.Read(bpfRoot);
        _node = _fabric.AddNode(NodeName);
        var options = new DatapathOptions { ConntrackEntries = maps.Conntrack.Shape.MaxEntries, LoadBalancingEntries = maps.Services.Frontends.Shape.MaxEntries };
        _loaded = new DatapathLoader(options, _node.Engine, new ForgottenMaps()).Load(new DatapathConstants(constants));
        SnapshotMaps.Copy(maps, _loaded.Maps, _node.Engine);

        // 2. Devices, and programs on them as on the node.
        var names = new IdentityNames(labelsOf);
        _trial = new PacketTrial(
            _fabric, names, new Decisions(names, new Subjects(nameOf)), new Dictionary<string, EventLog> { [NodeName] = _events }, () => _ring!.Drain(this));
        using (var netlink = ns.OpenNetlink())
        {
            _devices = new SnapshotDevices(_node, netlink, device => _trial.Leave($"whoever is behind {device.Name}"));
            var endpoints = maps.Endpoints.ToDictionary().Values.Where(row => (row.Flags & EndpointFlags.Host) == 0).DistinctBy(row => row.Ifindex).ToDictionary(row => row.Ifindex);
            var underlay = AttachedProgram.List(bpfRoot).Where(program => program.Program == "cil_from_netdev").Select(program => program.Ifindex).ToHashSet();
            var network = _devices.Copy(endpoints, underlay, [AddressOf(constants, "router_ipv4"), AddressOf(constants, "router_ipv6")]);
            Attach(network, endpoints.Keys);
        }
        _ring = new RingBufferReader(_loaded.Maps.Events);
        foreach (var each in _node.Namespaces)
            _trial.Watch(each);
    }

    /// <summary>Copies a node.</summary>
    /// <param name="bpfRoot">The node's bpffs.</param>
    /// <param name="ns">The node's network namespace.</param>
    /// <param name="labelsOf">The labels of an identity, or null; only for the text.</param>
    /// <param name="nameOf">What an endpoint is called, or null; only for the text.</param>
    /// <exception cref="KernelException">A map is not pinned there (ENOENT), or may not be read.</exception>
    /// <exception cref="SnapshotException">The node's programs are missing or of another build.</exception>
    public static NodeSnapshot Take(string bpfRoot, NodeNamespace ns, Func<Identity, LabelSet?> labelsOf, Func<EndpointId, string?> nameOf)
    {
        using var maps = DatapathMaps.OpenPinned(bpfRoot);
        return new NodeSnapshot(maps, bpfRoot, ns, labelsOf, nameOf);
    }

    /// <summary>Sends the first packet of a connection from an endpoint, and tells its way.</summary>
    /// <param name="from">The endpoint.</param>
    /// <param name="to">Whom.</param>
    /// <param name="question">The question in words.</param>
    /// <exception cref="SnapshotException">The node has no such endpoint.</exception>
    /// <exception cref="QuestionException">The port does not fit the protocol.</exception>
    public Walk Explain(EndpointId from, IpAddr to, Question question)
    {
        ArgumentNullException.ThrowIfNull(question);
        question.CheckPort();
        var row = _loaded.Maps.Endpoints.ToDictionary().Values.FirstOrDefault(row => row.EndpointId == from.Value && (row.Flags & EndpointFlags.Host) == 0);
        if (row == default || !_devices.Pods.TryGetValue(row.Ifindex, out var pod))
            throw new SnapshotException($"the node has no endpoint {from}");
        return _trial.Run(
            question.Asked(question.From.ToString()),
            isDetailed: true,
            () => FirstPacket.Send(pod, new Endpoint(to, question.Port), question.Protocol, SctpPort));
    }

    /// <summary>Sends the first packet of a connection from the node itself, from whichever of its addresses its routes choose, and tells its way.</summary>
    /// <param name="to">Whom.</param>
    /// <param name="question">The question in words.</param>
    /// <exception cref="QuestionException">The port does not fit the protocol.</exception>
    public Walk ExplainFromNode(IpAddr to, Question question)
    {
        ArgumentNullException.ThrowIfNull(question);
        question.CheckPort();
        return _trial.Run(
            question.Asked("host"),
            isDetailed: true,
            () => FirstPacket.Send(_node.Host, new Endpoint(to, question.Port), question.Protocol, SctpPort));
    }

    /// <summary>Lets a device receive a frame, and tells its way.</summary>
    /// <param name="device">The device, by name.</param>
    /// <param name="frame">The frame with its Ethernet header.</param>
    /// <exception cref="SnapshotException">The node has no such device, or the frame is shorter than an Ethernet header.</exception>
    public Walk ExplainFrame(string device, ReadOnlyMemory<byte> frame)
    {
        const int ethernet = 14;
        var at = _node.Host.InterfaceOrNull(device) ?? throw new SnapshotException($"the node has no device {device}");
        if (frame.Length < ethernet)
            throw new SnapshotException($"a frame of {frame.Length} bytes has no Ethernet header");
        var asked = new Walk { From = device, To = $"a frame of {frame.Length} bytes", Port = 0, Protocol = "frame", Outcome = Outcome.Delivered, Where = "", Steps = [], Decisions = [] };
        return _trial.Run(asked, isDetailed: true, () =>
        {
            at.Inject(frame.Span);
            return 0;
        });
    }

    /// <inheritdoc/>
    void IRingBufferSink.OnRecord(ReadOnlySpan<byte> record)
    {
        if (EventDecoder.TryDecode(record, out var decoded, out var packet))
            _events.OnEvent(decoded, packet);
    }

    /// <summary>Forgets the copy.</summary>
    public void Dispose()
    {
        _ring.Dispose();
        _loaded.Dispose();
        _fabric.Dispose();
    }

    private static IpAddr AddressOf(Dictionary<string, byte[]> constants, string name) =>
        constants.TryGetValue(name, out var bytes) ? MemoryMarshal.Read<Addr128>(bytes).ToIpAddr() : IpAddr.None;

    private void Attach(NodeNetwork network, IEnumerable<uint> pods)
    {
        foreach (var (_, ifindex, program, direction) in NodeAttachments.Wanted(network).Where(wanted => _loaded.Has(wanted.Program)))
            _node.Host.InterfaceOrNull((uint)ifindex)?.Attach(_loaded.Program(program), direction);
        foreach (var device in pods.Select(_node.Host.InterfaceOrNull).OfType<VirtualInterface>())
        {
            device.Attach(_loaded.Program("cil_from_container"), TcDirection.Ingress);
            device.Attach(_loaded.Program("cil_to_container"), TcDirection.Egress);
        }
        foreach (var program in _loaded.SocketPrograms)
        {
            if (NodeAttachments.SocketHook(program.Name) is { } hook)
                _node.Cgroup.Attach(hook, program);
        }
    }

    private sealed class Subjects(Func<EndpointId, string?> nameOf) : IPolicySubjects
    {
        public string NameOf(string node, EndpointId endpoint) => nameOf(endpoint) ?? $"endpoint {endpoint}";

        // The maps do not tell which rules they were made from.
        public IReadOnlyList<RuleReference> RulesOf(string node, EndpointId endpoint, Core.PolicyKey key) => [];

        public IReadOnlyList<RuleReference> EnforcingRulesOf(string node, EndpointId endpoint, TrafficDirection direction) => [];
    }
}
