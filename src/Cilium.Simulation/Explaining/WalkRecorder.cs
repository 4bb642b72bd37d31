using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Datapath.Maps;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Explaining;

/// <summary>Writes down the steps of a packet. What hosts ask each other for Ethernet addresses is left out.</summary>
/// <param name="text">Tells lookups.</param>
/// <param name="isDetailed">Whether calls of programs are watched, and the packet is kept.</param>
/// <param name="isOurs">Whether a node is simulated; the others stand for the world.</param>
internal sealed class WalkRecorder(LookupText text, bool isDetailed, Func<string, bool> isOurs) : IFabricObserver, IBpfObserver
{
    private const ushort ArpType = 0x0806;
    private const ushort IPv6Type = 0x86DD;
    private const byte IcmpV6 = 58;
    private const int Shot = 2;
    private const int Redirected = 7;
    private const int XdpPass = 2;
    private const int XdpSend = 3;
    private const int XdpRedirect = 4;
    private readonly List<WalkStep> _steps = [];
    private readonly List<PolicyLookup> _asked = [];
    private readonly List<string> _lookups = [];
    private string _node = "";
    private readonly List<byte> _frame = [];
    private VirtualInterface? _seenAt;
    private bool _isMuted;

    /// <summary>A question to a compiled policy.</summary>
    internal readonly record struct PolicyLookup(string Node, int Evaluation, Cilium.Datapath.Maps.PolicyKey Key, PolicyValue? Found);

    /// <inheritdoc/>
    public IBpfObserver? Calls => isDetailed ? this : null;

    internal IReadOnlyList<WalkStep> Steps => _steps;

    /// <summary>Questions to compiled policies, in their order.</summary>
    internal IReadOnlyList<PolicyLookup> PolicyLookups => _asked;

    /// <summary>The evaluations whose verdict was told by an event; an allowing one of a known connection is not.</summary>
    internal HashSet<int> Told { get; } = [];

    /// <summary>The program that dropped the packet last, or null.</summary>
    internal BpfProgram? Dropper { get; private set; }

    /// <summary>What ended the packet last, besides programs.</summary>
    internal (DropCause Cause, VirtualInterface Device)? Drop { get; private set; }

    /// <summary>The packet as a device of ours received or sent it last; null when none did.</summary>
    internal LeavingPacket? Last() => _seenAt is { } device ? LeavingPacket.Of(device, CollectionsMarshal.AsSpan(_frame)) : null;

    private int _evaluations;

    /// <inheritdoc/>
    public void BeforeProgram(VirtualInterface device, TcDirection hook, BpfProgram program, BpfPacket packet) =>
        Begin(device.Namespace.Node.Name, IsResolution(packet.Bytes));

    /// <inheritdoc/>
    public void AfterProgram(VirtualInterface device, TcDirection hook, BpfProgram program, BpfPacket packet, int verdict)
    {
        var target = device.Namespace.InterfaceOrNull(packet.Redirect.Ifindex)?.Name ?? $"device {packet.Redirect.Ifindex}";
        if (verdict == Shot)
            Dropper = program;
        var outcome = verdict switch
        {
            Shot => "drop",
            Redirected => packet.Redirect.Kind switch
            {
                RedirectKind.Peer => $"into the pod behind {target}",
                RedirectKind.Neighbour => $"to the neighbour on {target}",
                RedirectKind.Ingress => $"received again by {target}",
                _ => $"out of {target}",
            } + (packet.IsTunnelForSending && packet.Tunnel is { } key ? $", tunnelled to {key.Remote} with identity {key.Id}" : ""),
            _ => "go on",
        };
        End(Where(device), $"{program.Name}: {outcome}");
    }

    /// <inheritdoc/>
    public void BeforeXdp(VirtualInterface device, BpfProgram program, BpfPacket packet) => Begin(device.Namespace.Node.Name, IsResolution(packet.Bytes));

    /// <inheritdoc/>
    public void AfterXdp(VirtualInterface device, BpfProgram program, BpfPacket packet, int verdict)
    {
        if (verdict is not (XdpPass or XdpSend or XdpRedirect))
            Dropper = program;
        var outcome = verdict switch
        {
            XdpPass => "go on",
            XdpSend => "back out of the device",
            XdpRedirect => $"out of {device.Namespace.InterfaceOrNull(packet.Redirect.Ifindex)?.Name ?? $"device {packet.Redirect.Ifindex}"}",
            _ => "drop",
        };
        End(Where(device), $"{program.Name}: {outcome}");
    }

    /// <inheritdoc/>
    public void BeforeProgram(VirtualNamespace ns, AttachType hook, BpfProgram program, BpfSocketAddress address) => Begin(ns.Node.Name, false);

    /// <inheritdoc/>
    public void AfterProgram(VirtualNamespace ns, AttachType hook, BpfProgram program, BpfSocketAddress address, int verdict)
    {
        var port = BinaryPrimitives.ReverseEndianness((ushort)address.Port);
        Span<byte> ipv4 = stackalloc byte[4];
        MemoryMarshal.Write(ipv4, address.Ipv4);
        var to = address.Family == 2 ? new Endpoint(Core.IpAddr.FromNetworkBytes(ipv4), port) : new Endpoint(Core.IpAddr.FromNetworkBytes(address.Ipv6), port);
        End($"socket in {ns.Name}", (verdict & 1) == 0 ? $"{program.Name}: refuse" : $"{program.Name}: to {to}");
    }

    /// <inheritdoc/>
    public void OnFrame(FrameAction action, VirtualInterface device, BpfPacket packet)
    {
        if (IsResolution(packet.Bytes))
            return;
        switch (action)
        {
            case FrameAction.Forwarded:
                _steps.Add(new WalkStep(device.Namespace.Name, "routed", []));
                break;
            case FrameAction.Encapsulated:
                _steps.Add(new WalkStep(Where(device), "encapsulated", []));
                break;
            case FrameAction.Decapsulated:
                _steps.Add(new WalkStep(Where(device), "decapsulated", []));
                break;
            case FrameAction.Received or FrameAction.Sent or FrameAction.Delivered:
                Keep(device, packet);
                break;
            default:
                break;
        }
    }

    /// <inheritdoc/>
    public void OnDrop(DropCause cause, VirtualInterface device, BpfPacket packet)
    {
        if (IsResolution(packet.Bytes))
            return;
        Drop = (cause, device);
        if (cause != DropCause.Program)
            _steps.Add(new WalkStep(Where(device), $"dropped by the network: {cause}", []));
    }

    /// <inheritdoc/>
    public void OnEnter(string program, string function, string? calledFrom)
    {
        if (_isMuted)
            return;
        if (function == "policy_evaluate")
            _evaluations++;
        else if (function == "send_verdict")
            Told.Add(_evaluations);
    }

    /// <inheritdoc/>
    public void OnCall(in BpfCall call)
    {
        if (_isMuted || call.Name != "map_lookup_elem" || call.Map is not { } map)
            return;
        var value = call.Result == 0 ? default : call.Value;
        if (map == LookupText.PolicyMap)
        {
            _asked.Add(new PolicyLookup(
                _node, _evaluations, MemoryMarshal.Read<Cilium.Datapath.Maps.PolicyKey>(call.Key), value.IsEmpty ? null : MemoryMarshal.Read<PolicyValue>(value)));
        }
        if (text.Tell(map, call.Key, value) is { } told && (_lookups.Count == 0 || _lookups[^1] != told))
            _lookups.Add(told);
    }

    private static string Where(VirtualInterface device) => $"{device.Namespace.Name} {device.Name}";

    private static bool IsResolution(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) switch
    {
        ArpType => true,
        IPv6Type => frame.Length > 54 && frame[20] == IcmpV6 && frame[54] is 135 or 136,
        _ => false,
    };

    private void Begin(string node, bool isMuted)
    {
        (_node, _isMuted) = (node, isMuted);
        _lookups.Clear();
    }

    private void Keep(VirtualInterface device, BpfPacket packet)
    {
        if (!isDetailed || !isOurs(device.Namespace.Node.Name))
            return;
        _seenAt = device;
        CollectionsMarshal.SetCount(_frame, packet.Length);
        packet.Bytes.CopyTo(CollectionsMarshal.AsSpan(_frame));
    }

    private void End(string where, string what)
    {
        if (!_isMuted)
            _steps.Add(new WalkStep(where, what, [.. _lookups]));
        _isMuted = false;
    }
}
