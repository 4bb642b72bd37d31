using System.Buffers.Binary;
using Cilium.Bpf;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>Random states and packets through every classifier on all engines: verdict, bytes, mark, events and maps are equal.</summary>
public sealed class DifferentialTests
{
    private const int Cases = 3000;
    private const int CasesPerState = 40;

    private static readonly string[] s_programs =
    [
        "cil_from_container", "cil_to_container", "cil_from_host", "cil_to_host", "cil_from_overlay", "cil_to_overlay", "cil_from_netdev", "cil_to_netdev",
    ];

    [Theory, InlineData(4), InlineData(6)]
    public void Engines_make_the_same_of_any_packet_in_any_state(int family)
    {
        var nodes = Array.ConvertAll(TestEngine.Compared(), engine => Node.WithEverything(family, constants: Fix, engine: engine));
        var count = 0;
        try
        {
            Differential.Check(Cases, 48, choices =>
            {
                if (count++ % CasesPerState == 0)
                    Reset(nodes);
                if (choices.OneIn(4))
                    Change(nodes, choices);
                var packet = Packet(nodes[0], choices);
                var program = choices.Of<string>(s_programs);
                var mark = choices.Of(0u, 0u, 0u, 0x0F00u, 0x0400u, choices.Word());
                var ingress = choices.Of(0u, 1u);
                Agree(nodes, program, packet, mark, ingress);
            });
            Assert.True(count >= Cases);
        }
        finally
        {
            foreach (var node in nodes)
                node.Dispose();
        }
    }

    /// <summary>What differs by chance is fixed: one port to masquerade with, and no reports by time.</summary>
    private static void Fix(BpfObject obj)
    {
        _ = obj.TrySetConstant("snat_port_min", BitConverter.GetBytes((ushort)40000));
        _ = obj.TrySetConstant("snat_port_max", BitConverter.GetBytes((ushort)40000));
        _ = obj.TrySetConstant("monitor_interval", BitConverter.GetBytes(1_000_000u));
    }

    private static void Agree(Node[] nodes, string program, byte[] packet, uint mark, uint ingress)
    {
        var outcomes = Array.ConvertAll(nodes, node => Run(node, program, packet, mark, ingress));
        for (var i = 1; i < outcomes.Length; i++)
        {
            var message = $"{program} on {nodes[i].Bench.Engine} differs for {Convert.ToHexString(packet)} mark {mark:x} ingress {ingress}";
            Assert.True(outcomes[0].Error == outcomes[i].Error, $"{message}: {outcomes[0].Error} and {outcomes[i].Error}");
            if (outcomes[0].Outcome is not { } expected || outcomes[i].Outcome is not { } actual)
                continue;
            Assert.True(expected.Verdict == actual.Verdict, $"{message}: verdict {expected.Verdict} ({expected.Drop?.Reason}) and {actual.Verdict} ({actual.Drop?.Reason})");
            Assert.True(expected.Packet.AsSpan().SequenceEqual(actual.Packet), $"{message}: bytes {Convert.ToHexString(expected.Packet)} and {Convert.ToHexString(actual.Packet)}");
            Assert.True(expected.Mark == actual.Mark, $"{message}: mark {expected.Mark:x} and {actual.Mark:x}");
            Assert.True(Describe(expected.Events) == Describe(actual.Events), $"{message}: events\n{Describe(expected.Events)}\nand\n{Describe(actual.Events)}");
            Assert.Equal(State(nodes[0]), State(nodes[i]));
        }
    }

    private static (Outcome? Outcome, int Error) Run(Node node, string program, byte[] packet, uint mark, uint ingress)
    {
        try
        {
            return (node.Bench.Run(program, packet, mark, ingress), 0);
        }
        catch (KernelException refused)
        {
            return (null, refused.Errno);
        }
    }

    private static string Describe(IEnumerable<SeenEvent> events) => string.Join('\n', events.Select(e =>
        $"{e.Header with { Hash = 0, TimestampNs = 0 }} {Convert.ToHexString(e.Captured)}"));

    /// <summary>What the maps hold, without times.</summary>
    private static SortedSet<string> State(Node node)
    {
        var state = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (key, value) in node.Connections())
            state.Add($"ct {key} {value with { Lifetime = 0, Created = 0, LastForwardReport = value.LastForwardReport == 0 ? 0 : 1u, LastReverseReport = value.LastReverseReport == 0 ? 0 : 1u }}");
        foreach (var (key, value) in node.Bench.Map<SnatKey, SnatValue>("cilium_snat").ToDictionary())
            state.Add($"snat {key} {value with { Lifetime = 0, Created = 0 }}");
        foreach (var (key, value) in node.Bench.Map<FragmentKey, FragmentValue>("cilium_frag").ToDictionary())
            state.Add($"fragment {key} {value}");
        foreach (var (key, value) in new PerCpuBpfMap<MetricsKey, MetricsValue>(node.Bench.Map("cilium_metrics")).Fold((0UL, 0UL), (sum, v) => (sum.Item1 + v.Count, sum.Item2 + v.Bytes)))
            state.Add($"metrics {key} {value}");
        foreach (var (key, value) in new PerCpuBpfMap<uint, MetricsValue>(node.Bench.Map("cilium_forwarded")).Fold((0UL, 0UL), (sum, v) => (sum.Item1 + v.Count, sum.Item2 + v.Bytes)))
            state.Add($"forwarded {key} {value}");
        return state;
    }

    private static void Reset(Node[] nodes)
    {
        foreach (var node in nodes)
        {
            Clear<CtTuple, CtEntry>(node, "cilium_ct");
            Clear<SnatKey, SnatValue>(node, "cilium_snat");
            Clear<FragmentKey, FragmentValue>(node, "cilium_frag");
        }

        static void Clear<TKey, TValue>(Node node, string name)
            where TKey : unmanaged
            where TValue : unmanaged
        {
            var map = node.Bench.Map<TKey, TValue>(name);
            _ = map.DeleteBatch([.. map.ToDictionary().Keys]);
        }
    }

    private static void Change(Node[] nodes, Choices choices)
    {
        var what = choices.Below(5);
        var (flags, identity, port, bits) = (
            (EndpointFlags)choices.Below(32) | EndpointFlags.Present, choices.Of(0u, Node.IdentityA, Node.IdentityB, Node.IdentityC, 1u, 2u),
            (ushort)choices.Of(80, 53, 0), choices.Of(16, 8));
        var protocol = choices.Of(Frame.Tcp, Frame.Udp, (byte)0);
        var isDeny = choices.OneIn(4);
        var isPodA = choices.OneIn(2);
        var direction = choices.Of(PolicyDirection.Ingress, PolicyDirection.Egress);
        var backends = choices.Below(2);
        foreach (var node in nodes)
        {
            switch (what)
            {
                case 0 or 1:
                    var lxc = node.Bench.Map<Addr128, EndpointRow>("cilium_lxc");
                    var address = Bench.Address(isPodA ? node.A : node.B);
                    Assert.True(lxc.TryLookup(address, out var row));
                    row = row with { Flags = flags & ~EndpointFlags.Host };
                    lxc.Update(address, row);
                    node.Bench.Map<uint, EndpointRow>("cilium_devices").Update(row.Ifindex, row);
                    break;
                case 2:
                    var entry = isDeny ? Node.Deny(direction, identity, protocol, port, bits) : Node.Allow(direction, identity, protocol, port, bits);
                    node.SetPolicy(isPodA ? Node.EndpointA : Node.EndpointB, entry, Node.Allow(direction, Node.IdentityA));
                    break;
                case 3:
                    node.AddService(protocol == 0 ? Frame.Tcp : protocol, backends == 0 ? [] : [(isPodA ? node.A : node.B, 8080)]);
                    break;
                default:
                    node.Know(node.World, identity == 0 ? 0x01000007u : identity, isDeny ? "192.168.0.2" : null);
                    break;
            }
        }
    }

    private static byte[] Packet(Node node, Choices choices)
    {
        string[] ends = [node.A, node.A, node.B, node.C, node.Self, node.Router, node.World, node.Vip];
        var (from, to) = (choices.Of<string>(ends), choices.Of<string>(ends));
        var (source, destination) = ((ushort)(40000 + choices.Below(3)), (ushort)choices.Of(80, 53, 8080, 8472, 40000));
        if (choices.OneIn(3))
            (source, destination) = (destination, source);
        var payload = choices.Below(120);
        var flags = (byte)choices.Of(Frame.Syn, Frame.Syn | Frame.Ack, Frame.Ack, Frame.Fin | Frame.Ack, Frame.Rst, choices.Byte());
        var packet = choices.Below(9) switch
        {
            0 or 1 => Frame.TcpSegment(from, to, source, destination, flags, payload),
            2 or 3 => Frame.UdpDatagram(from, to, source, destination, payload),
            4 => Frame.Echo(from, to, source, choices.OneIn(2)),
            5 => Frame.Unreachable(from, to, choices.OneIn(2) ? Frame.TcpSegment(to, from, destination, source, Frame.Ack) : Frame.UdpDatagram(to, from, destination, source)),
            6 => Frame.Fragments(Frame.UdpDatagram(from, to, source, destination, payload + 80), 64)[choices.Below(2)],
            7 => Frame.Ip(from, to, 132, Sctp(source, destination)),
            _ => Frame.Ip(from, to, choices.Byte(), new byte[40]),
        };
        if (choices.OneIn(4))
        {
            for (var i = choices.Below(4); i >= 0; i--)
                packet[choices.Below(packet.Length)] = choices.Byte();
        }
        return choices.OneIn(6) ? packet[..(14 + choices.Below(packet.Length - 13))] : packet;
    }

    private static byte[] Sctp(ushort source, ushort destination)
    {
        var header = new byte[16];
        BinaryPrimitives.WriteUInt16BigEndian(header, source);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), destination);
        return header;
    }
}
